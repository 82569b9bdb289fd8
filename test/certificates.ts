/** Certificates for tests, made anew by the command openssl: nothing in the repository runs out. */

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CONFIG = `
[ca]
default_ca = us
[us]
dir = .
database = index.txt
new_certs_dir = .
serial = serial
crlnumber = crlnumber
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
copy_extensions = copy
unique_subject = no
[any]
countryName = optional
organizationName = optional
commonName = supplied
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[web]
extendedKeyUsage = serverAuth
`;

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P521 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"];
const RSA = ["-newkey", "rsa:2048"];

function openssl(folder: string, ...args: string[]): void {
	execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
}

/** A time as openssl takes it, `days` from now. */
function when(days: number): string {
	return new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, "");
}

function authority(folder: string, name: string): void {
	const out = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
	const subject = ["-subj", `/CN=Test ${name}`, "-extensions", "root", "-days", "30"];
	openssl(folder, "req", "-x509", "-nodes", "-config", "openssl.cnf", ...EC, ...subject, ...out);
}

/** A certificate and key as NAME.pem and NAME.key, from the authority `by`. */
function certificate(
	folder: string,
	name: string,
	subject: string,
	names: string,
	{ from = -1, to = 30, key = EC, by = "ca", extensions = "" } = {},
): void {
	const wanted = names === "" ? [] : ["-addext", `subjectAltName=${names}`];
	const out = ["-keyout", `${name}.key`, "-out", `${name}.csr`];
	openssl(
		folder,
		"req",
		"-new",
		"-nodes",
		"-config",
		"openssl.cnf",
		...key,
		"-subj",
		subject,
		...wanted,
		...out,
	);
	const signer = ["-cert", `${by}.pem`, "-keyfile", `${by}.key`];
	const dates = ["-startdate", when(from), "-enddate", when(to)];
	const files = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-notext"];
	if (extensions !== "") files.push("-extensions", extensions);
	openssl(folder, "ca", "-batch", "-config", "openssl.cnf", ...signer, ...dates, ...files);
}

/** A list of revoked certificates, by an authority. */
function list(folder: string, file: string, by: string, ...dates: string[]): void {
	const signer = ["-cert", `${by}.pem`, "-keyfile", `${by}.key`];
	openssl(folder, "ca", "-config", "openssl.cnf", ...signer, "-gencrl", ...dates, "-out", file);
}

/** The name of the certificate of client.pem, as RFC 2253 writes it. */
export const CLIENT_SUBJECT = "CN=client one,O=Test\\, Inc.,C=DE";

/**
 * Fills a folder: authorities `ca` and `other`; certificates (NAME.pem, NAME.key) `server` and `renewed` (for localhost
 * and its addresses), `rsa` and `p521` (the same with other keys), `elsewhere` (for another host), `expired-server`, `future-server`,
 * `stranger` (by `other`), `client`, `expired`, `future`, `revoked`, `expired-revoked`, `expired-stranger`, `expired-web` (for servers
 * only), and `leaf` by the authority `middle`, which is by `ca`; lists of revoked ones `crl.pem`, `other-crl.pem`, `middle-crl.pem`
 * and, out of date, `expired-crl.pem`; `encrypted.key`, that of `server`
 * with the password `secret`, and `des3.key`, the same as old instructions have it. `more`: further certificates of clients, with their subjects.
 */
export function makeCertificates(folder: string, more: Readonly<Record<string, string>> = {}): void {
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, "openssl.cnf"), CONFIG);
	writeFileSync(join(folder, "index.txt"), "");
	writeFileSync(join(folder, "serial"), "1000\n");
	writeFileSync(join(folder, "crlnumber"), "01\n");
	const local = "DNS:localhost,IP:127.0.0.1,IP:::1";
	authority(folder, "ca");
	authority(folder, "other");
	certificate(folder, "server", "/CN=localhost", local);
	certificate(folder, "renewed", "/CN=localhost", local);
	certificate(folder, "rsa", "/CN=localhost", local, { key: RSA });
	certificate(folder, "p521", "/CN=localhost", local, { key: P521 });
	certificate(folder, "elsewhere", "/CN=elsewhere.example", "DNS:elsewhere.example");
	certificate(folder, "expired-server", "/CN=localhost", local, { from: -9, to: -1 });
	certificate(folder, "future-server", "/CN=localhost", local, { from: 5 });
	certificate(folder, "stranger", "/CN=stranger", local, { by: "other" });
	certificate(folder, "expired-stranger", "/CN=stranger", "", { by: "other", from: -9, to: -1 });
	certificate(folder, "expired-web", "/CN=web", "", { from: -9, to: -1, extensions: "web" });
	certificate(folder, "middle", "/CN=Test middle", "", { extensions: "root" });
	certificate(folder, "leaf", "/CN=leaf", "", { by: "middle" });
	certificate(folder, "client", "/C=DE/O=Test, Inc./CN=client one", "");
	certificate(folder, "expired", "/CN=expired", "", { from: -9, to: -1 });
	certificate(folder, "future", "/CN=future", "", { from: 5 });
	certificate(folder, "revoked", "/CN=revoked", "");
	certificate(folder, "expired-revoked", "/CN=expired", "", { from: -9, to: -1 });
	for (const [name, subject] of Object.entries(more)) certificate(folder, name, subject, "");
	const signer = ["-cert", "ca.pem", "-keyfile", "ca.key"];
	for (const name of ["revoked", "expired-revoked"])
		openssl(folder, "ca", "-config", "openssl.cnf", ...signer, "-revoke", `${name}.pem`);
	list(folder, "crl.pem", "ca");
	list(folder, "other-crl.pem", "other");
	list(folder, "middle-crl.pem", "middle");
	list(folder, "expired-crl.pem", "ca", "-crl_lastupdate", when(-9), "-crl_nextupdate", when(-1));
	const cipher = ["-aes256", "-passout", "pass:secret"];
	openssl(
		folder,
		"pkcs8",
		"-topk8",
		"-in",
		"server.key",
		"-out",
		"encrypted.key",
		"-v2",
		"aes256",
		...cipher.slice(1),
	);
	const old = ["-des3", "-passout", "pass:secret"];
	openssl(folder, "ec", "-in", "server.key", ...old, "-out", "des3.key");
}
