/** TLS of listeners: the files that their options name, and what is made of them. */

import { authoritiesIn, isSame, joined } from "../config/authorities.ts";
import type { GlobalConfig, ListenerConfig, Remark } from "../config/config.ts";
import { ConfigError } from "../config/error.ts";
import { readPskFile } from "../config/psk-file.ts";
import { refuseReadable } from "../config/text-file.ts";
import type { Host, HostError, TlsServerContext, TlsServerOptions } from "../host/host.ts";
import { PASS_PHRASE, type PassPhrases } from "./pass-phrase.ts";
import { StartError } from "./start-error.ts";

export type TlsHost = Pick<Host, "tls" | "files" | "utf8" | "process">;

/** Octets of a file of certificates, and of all files of a folder. */
const FILE_LIMIT = 4 * 1024 * 1024;

/** What mosquitto says when a setting cannot be used; the error's own text follows. */
const CAUSES: Readonly<Record<string, (listener: ListenerConfig) => string>> = {
	TLS_BAD_CERTIFICATE: ({ certfile }) => `Unable to load server certificate "${certfile}". Check certfile`,
	TLS_BAD_KEY: ({ keyfile }) => `Unable to load server key file "${keyfile}". Check keyfile`,
	TLS_BAD_PASSWORD: ({ keyfile }) => `Unable to load server key file "${keyfile}". Check ${PASS_PHRASE}`,
	TLS_KEY_MISMATCH: () => "Server certificate/key are inconsistent",
	TLS_BAD_AUTHORITIES: ({ cafile, capath }) =>
		`Unable to load CA certificates. Check cafile "${cafile ?? ""}" and capath "${capath ?? ""}"`,
	TLS_BAD_REVOCATIONS: ({ crlfile }) =>
		`Unable to load certificate revocation file "${crlfile}". Check crlfile`,
	TLS_BAD_CIPHERS: ({ ciphers, ciphersTls13 }) =>
		`Unable to set TLS ciphers. Check cipher list "${ciphers ?? ciphersTls13}"`,
};

/** TLS of one listener. */
export class TlsSettings {
	/** Replaced when files have changed. */
	context: TlsServerContext;
	/** What the owner should know about the files. */
	readonly remarks: Remark[] = [];
	readonly #host: TlsHost;
	readonly #listener: ListenerConfig;
	readonly #pskFile: string | null;
	readonly #passPhrase: string | null;
	/** The files' contents that the context was made of. */
	#seen: readonly (Uint8Array | null)[] = [];

	/** Reads the files. Throws StartError. */
	constructor(
		host: TlsHost,
		listener: ListenerConfig,
		global: Pick<GlobalConfig, "pskFile">,
		passPhrases: PassPhrases,
	) {
		this.#host = host;
		this.#listener = listener;
		this.#pskFile = listener.pskFile ?? global.pskFile;
		this.#passPhrase = host.process.env(PASS_PHRASE) ?? passPhrases.get(listener.keyfile ?? "") ?? null;
		if (host.tls === null) throw new StartError(["Error: TLS support not available."]);
		this.#check();
		this.context = this.#load();
	}

	#check(): void {
		const { certfile, keyfile, pskHint, requireCertificate, cafile, capath, proxyProtocol } = this.#listener;
		const wrong = (text: string) => {
			throw new StartError([`Error: ${text}`]);
		};
		if ((certfile === null) !== (keyfile === null)) {
			wrong("Both certfile and keyfile must be provided to enable a TLS listener.");
		}
		if (requireCertificate && cafile === null && capath === null) {
			wrong("The 'require_certificate' option needs cafile or capath.");
		}
		if (pskHint !== null && this.#pskFile === null) wrong("The 'psk_hint' option needs psk_file.");
		if (proxyProtocol !== null) wrong("A listener with enable_proxy_protocol cannot have TLS of its own.");
	}

	#read(path: string, what: string): Uint8Array {
		try {
			return this.#host.files.read(path, FILE_LIMIT);
		} catch (error) {
			const why = (error as HostError).message;
			throw new StartError([`Error: Unable to open ${what} "${path}" (${why}).`], error);
		}
	}

	#checkSecrecy(path: string): void {
		try {
			refuseReadable(this.#host, path);
		} catch (error) {
			throw error instanceof ConfigError ? new StartError(error.lines, error) : error;
		}
	}

	/** The file of authorities, and all files of their folder, as one. */
	#readAuthorities(): Uint8Array | null {
		const { cafile, capath } = this.#listener;
		const parts = cafile === null ? [] : [this.#read(cafile, "cafile")];
		for (const path of capath === null ? [] : this.#list(capath)) {
			parts.push(this.#read(path, "certificate of capath"));
		}
		const all = joined(parts);
		if (all.length > FILE_LIMIT) throw new StartError([`Error: The files in "${capath}" are too large.`]);
		return all.length === 0 ? null : all;
	}

	#list(capath: string): string[] {
		try {
			return authoritiesIn(this.#host.files, capath);
		} catch (error) {
			throw new StartError(
				[`Error: Unable to open capath "${capath}" (${(error as HostError).message}).`],
				error,
			);
		}
	}

	#readAll(): (Uint8Array | null)[] {
		const { certfile, keyfile, crlfile } = this.#listener;
		const pskFile = this.#listener.pskHint === null ? null : this.#pskFile;
		for (const path of [keyfile, pskFile]) if (path !== null) this.#checkSecrecy(path);
		const read = (path: string | null, what: string) => (path === null ? null : this.#read(path, what));
		return [
			read(certfile, "certfile"),
			read(keyfile, "keyfile"),
			this.#readAuthorities(),
			read(crlfile, "crlfile"),
			read(pskFile, "psk_file"),
		];
	}

	#load(): TlsServerContext {
		const listener = this.#listener;
		const state = this.#look();
		const seen = this.#readAll();
		const [certificate = null, key = null, authorities = null, revocations = null] = seen;
		const options: TlsServerOptions = {
			certificate,
			key,
			keyPassword: this.#passPhrase,
			authorities,
			revocations,
			minimumVersion: listener.tlsVersion === "tlsv1.3" ? "TLSv1.3" : "TLSv1.2",
			ciphers: listener.ciphers,
			ciphersuites: listener.ciphersTls13,
			requireCertificate: listener.requireCertificate,
			ignoreDates: listener.disableClientCertDateChecks,
			psks: this.#keys(),
			pskHint: listener.pskHint,
		};
		try {
			const context = this.#host.tls!.createServerContext(options);
			this.#seen = seen;
			this.#state = state;
			return context;
		} catch (error) {
			const { code, message } = error as HostError;
			const cause = CAUSES[code]?.(listener) ?? "Unable to set up TLS";
			throw new StartError([`Error: ${cause} (${message}).`], error);
		}
	}

	#keys(): ReadonlyMap<string, Uint8Array> | null {
		if (this.#listener.pskHint === null || this.#pskFile === null) return null;
		try {
			const { keys, remarks } = readPskFile(this.#host, this.#pskFile);
			this.remarks.splice(0, Infinity, ...remarks);
			return keys;
		} catch (error) {
			throw error instanceof ConfigError ? new StartError(error.lines, error) : error;
		}
	}

	/** What was known of the files when they were looked at last with a result. */
	#state = "";
	/** The same of a look that failed; what is renewed in several steps is whole at the next. */
	#failed = "";

	/** As `refresh` for files that were touched; what fails twice is returned, once, and the context stays. */
	tryRefresh(): { readonly changed: boolean; readonly complaint: readonly string[] } {
		const state = this.#look();
		if (state === this.#state) return { changed: false, complaint: [] };
		try {
			const changed = this.refresh();
			this.#state = state;
			return { changed, complaint: [] };
		} catch (error) {
			if (!(error instanceof StartError)) throw error;
			const isSecond = this.#failed === state;
			if (isSecond) this.#state = state;
			this.#failed = state;
			return { changed: false, complaint: isSecond ? error.lines : [] };
		}
	}

	/** What the system knows of the files, which changes whenever one of them does. */
	#look(): string {
		const { certfile, keyfile, cafile, capath, crlfile } = this.#listener;
		const paths = [certfile, keyfile, cafile, crlfile, this.#pskFile].filter((path) => path !== null);
		const { files } = this.#host;
		try {
			if (capath !== null) paths.push(...files.list(capath).map((name) => `${capath}/${name}`));
			return paths
				.map((path) => {
					const info = files.info(path, true);
					return info === null ? "" : `${info.changed} ${info.size} ${info.mode}`;
				})
				.join("\n");
		} catch (error) {
			return (error as HostError).message;
		}
	}

	/** Looks whether files have changed, and then makes another context of them. Throws StartError. */
	refresh(): boolean {
		const now = this.#readAll();
		if (now.every((bytes, at) => isUnchanged(bytes, this.#seen[at] ?? null))) return false;
		this.context = this.#load();
		return true;
	}
}

function isUnchanged(one: Uint8Array | null, other: Uint8Array | null): boolean {
	return one === null || other === null ? one === other : isSame(one, other);
}
