/** TLS of the client programs: their options, and what these make of a connection. */

import { authoritiesIn, joined } from "../config/authorities.ts";
import { isEncrypted } from "../config/private-key.ts";
import type { ConnectTls, Host, HostError, TlsClientOptions } from "../host/host.ts";
import { BOTH, flag, type OptionDefinition, refused, valued } from "./option.ts";
import type { Terminal } from "./program.ts";
import { readSecret } from "./secret.ts";
import { UsageError } from "./usage-error.ts";

/** What the command line says about TLS. */
export interface TlsArguments {
	cafile: string | null;
	capath: string | null;
	cert: string | null;
	key: string | null;
	ciphers: string | null;
	insecure: boolean;
	psk: string | null;
	pskIdentity: string | null;
	alpn: string | null;
	keyLog: string | null;
	useOsCerts: boolean;
	version: "tlsv1.2" | "tlsv1.3" | null;
}

export function noTlsArguments(): TlsArguments {
	return {
		cafile: null,
		capath: null,
		cert: null,
		key: null,
		ciphers: null,
		insecure: false,
		psk: null,
		pskIdentity: null,
		alpn: null,
		keyLog: null,
		useOsCerts: false,
		version: null,
	};
}

const FILE_LIMIT = 4 * 1024 * 1024;
/** Octets of a pre-shared key at most: what every host takes. */
const MAXIMUM_PSK = 64;
/** Where systems keep the authorities that they trust; the environment may name another file. */
const OS_CERTS: readonly string[] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"];
const OS_CERTS_VARIABLE = "SSL_CERT_FILE";
const KEY_PASSWORD = "MQTTD_KEYFILE_PASSWORD";
const NO_ENGINES = "keys are read from files only";

type Text = "cafile" | "capath" | "cert" | "key" | "ciphers" | "psk" | "pskIdentity" | "alpn" | "keyLog";

function text(name: string, field: Text, value: string, noun: string, help: string): OptionDefinition {
	return valued([name], BOTH, value, noun, help, (settings, given) => {
		settings.tls[field] = given;
	});
}

/** For the option table. */
export const TLS_OPTIONS: readonly OptionDefinition[] = [
	text(
		"--cafile",
		"cafile",
		"FILE",
		"no file specified",
		"trust the authorities in this file (PEM), and use TLS",
	),
	text("--capath", "capath", "FOLDER", "no directory specified", "trust those in the files of this folder"),
	text("--cert", "cert", "FILE", "no file specified", "our certificate (PEM); needs --key"),
	text("--ciphers", "ciphers", "LIST", "no ciphers specified", "ciphers of TLS 1.2, with colons between"),
	flag(["--insecure"], BOTH, "do not check that the certificate is for the broker's name", (settings) => {
		settings.tls.insecure = true;
	}),
	text("--key", "key", "FILE", "no file specified", "our private key (PEM)"),
	valued(["--keyform"], BOTH, "FORM", "no keyform specified", "form of the key: pem", (_, form) => {
		if (form !== "pem")
			throw new UsageError(`Error: The option --keyform ${form} is not supported: ${NO_ENGINES}.\n\n`);
	}),
	text(
		"--psk",
		"psk",
		"KEY",
		"no key specified",
		"pre-shared key in hexadecimal digits, in place of certificates",
	),
	text("--psk-identity", "pskIdentity", "NAME", "no identity specified", "whose key it is"),
	text("--tls-alpn", "alpn", "PROTOCOL", "no protocol specified", "application protocol to ask for"),
	text(
		"--tls-keylog",
		"keyLog",
		"FILE",
		"no file specified",
		"append the keys of connections, for Wireshark (debugging only)",
	),
	flag(["--tls-use-os-certs"], BOTH, "trust the authorities of the system, and use TLS", (settings) => {
		settings.tls.useOsCerts = true;
	}),
	valued(
		["--tls-version"],
		BOTH,
		"VERSION",
		"no version specified",
		"lowest version of TLS: tlsv1.2 or tlsv1.3",
		(settings, version) => {
			if (version !== "tlsv1.2" && version !== "tlsv1.3") {
				throw new UsageError(`Error: Invalid TLS version '${version}'.\n\n`);
			}
			settings.tls.version = version;
		},
	),
	...["--tls-engine", "--tls-engine-kpass-sha1"].map((name) => refused([name], NO_ENGINES)),
];

/** Throws a UsageError for what does not go together. */
export function checkTls({ cafile, capath, cert, key, psk, pskIdentity }: TlsArguments): void {
	if ((cert === null) !== (key === null)) {
		throw new UsageError("Error: Both certfile and keyfile must be provided if one of them is set.\n");
	}
	if (psk !== null && (cafile !== null || capath !== null)) {
		throw new UsageError("Error: Only one of --psk or --cafile/--capath may be used at once.\n");
	}
	if (psk !== null && pskIdentity === null)
		throw new UsageError("Error: --psk-identity required if --psk used.\n");
	if (psk !== null && (!/^([0-9a-fA-F]{2})+$/.test(psk) || psk.length > 2 * MAXIMUM_PSK)) {
		throw new UsageError("Error: --psk is not a key of 1 to 64 octets in hexadecimal digits.\n");
	}
}

/** Whether an option asks for TLS. */
export function wantsTls({ cafile, capath, cert, psk, useOsCerts }: TlsArguments): boolean {
	return cafile !== null || capath !== null || cert !== null || psk !== null || useOsCerts;
}

/** What OpenSSL asks for, and so mosquitto. */
const PROMPT = "Enter PEM pass phrase:";

/** Asks for the pass phrase of an encrypted key that the environment has not; null when there is nothing to ask for. */
export function askPassPhrase(
	host: Host,
	terminal: Pick<Terminal, "err">,
	{ key }: TlsArguments,
): Promise<string | null> | null {
	if (key === null || host.process.env(KEY_PASSWORD) !== undefined || !isEncrypted(read(host, key)))
		return null;
	return readSecret(host, terminal, [PROMPT]).then(([phrase = null]) => phrase);
}

/**
 * TLS as settings ask for it; `passPhrase` is that of an encrypted key, when it was asked for. Throws a UsageError for files
 * that cannot be used.
 */
export function connectTls(host: Host, given: TlsArguments, passPhrase: string | null): ConnectTls {
	if (host.tls === null) throw new UsageError("Error: TLS support not available.\n");
	const { cert, key, psk, alpn } = given;
	const options: TlsClientOptions = {
		certificate: cert === null ? null : read(host, cert),
		key: key === null ? null : read(host, key),
		keyPassword: passPhrase ?? host.process.env(KEY_PASSWORD) ?? null,
		authorities: psk === null ? authorities(host, given) : null,
		minimumVersion: given.version === "tlsv1.3" ? "TLSv1.3" : "TLSv1.2",
		ciphers: given.ciphers,
		alpn: alpn === null ? [] : [alpn],
		verifyName: !given.insecure,
		keyLog: given.keyLog,
		psk: psk === null ? null : { identity: given.pskIdentity ?? "", key: octets(psk) },
	};
	try {
		return { context: host.tls.createClientContext(options) };
	} catch (error) {
		throw new UsageError(`Error: Problem setting TLS options: ${(error as HostError).message}.\n`);
	}
}

function octets(digits: string): Uint8Array {
	return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function read(host: Host, path: string): Uint8Array {
	try {
		return host.files.read(path, FILE_LIMIT);
	} catch (error) {
		throw new UsageError(`Error: Unable to open ${path} (${(error as HostError).message}).\n`);
	}
}

/** The files of authorities that are to be trusted, as one. */
function authorities(host: Host, { cafile, capath }: TlsArguments): Uint8Array {
	const paths = cafile === null ? [] : [cafile];
	if (capath !== null) paths.push(...filesIn(host, capath));
	if (cafile === null && capath === null) paths.push(systemFile(host));
	return joined(paths.map((path) => read(host, path)));
}

function filesIn(host: Host, folder: string): string[] {
	try {
		return authoritiesIn(host.files, folder);
	} catch (error) {
		throw new UsageError(`Error: Unable to open ${folder} (${(error as HostError).message}).\n`);
	}
}

function systemFile(host: Host): string {
	const named = host.process.env(OS_CERTS_VARIABLE);
	const found = named ?? OS_CERTS.find((path) => host.files.info(path) !== null);
	if (found === undefined)
		throw new UsageError("Error: The system has no certificates of authorities; give --cafile.\n");
	return found;
}
