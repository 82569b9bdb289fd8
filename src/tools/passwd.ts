/** mosquitto_passwd: creates and changes password files. */

import {
	DEFAULT_ITERATIONS,
	formatPasswordHash,
	hashPassword,
	looksHashed,
	MAXIMUM_ITERATIONS,
	type PasswordHash,
	SALT_LENGTH,
} from "../config/password.ts";
import {
	complaintAboutName,
	complaintAboutPassword,
	nameOf,
	passwordLines,
	passwordText,
} from "../config/password-edit.ts";
import type { Host, HostError } from "../host/host.ts";
import { octetsOf } from "./argument.ts";
import { exit, Terminal } from "./program.ts";
import { readSecret } from "./secret.ts";
import { UsageError } from "./usage-error.ts";

const PROGRAM = "mosquitto_passwd";
const FILE_LIMIT = 16 * 1024 * 1024;
/** The file that is standard output. */
const STDOUT = "-";

const USAGE = `${PROGRAM} manages password files of the broker.

Usage: ${PROGRAM} [-H hash] [-I iterations] [-c] passwordfile username
       ${PROGRAM} [-H hash] [-I iterations] [-c] -b passwordfile username password
       ${PROGRAM} -D passwordfile username
       ${PROGRAM} -U passwordfile
 -b : the password is the last argument, where others on this machine may see it.
 -c : create the file, which must not exist; \`-\` is standard output.
 -D : delete the user.
 -H : sha512-pbkdf2, the default, or sha512, which mosquitto 1.6 and earlier know.
 -I : iterations of sha512-pbkdf2, ${DEFAULT_ITERATIONS} by default.
 -U : hash the passwords of a file that has them in plain text. Those that are hashed stay as they are.
`;

/** What the command line asks for. */
interface Request {
	readonly action: "set" | "create" | "delete" | "upgrade";
	readonly kind: PasswordHash["kind"];
	readonly iterations: number;
	readonly file: string;
	readonly username: string;
	/** Null: to be asked for. */
	readonly password: string | null;
}

/** What else than to set a password is asked for; at most one of them. */
const ACTIONS: Readonly<Record<string, Request["action"]>> = {
	"-c": "create",
	"-D": "delete",
	"-U": "upgrade",
};

/** Runs mosquitto_passwd with its arguments (without the program's name) and ends the process. */
export async function runPasswd(host: Host, args: readonly string[]): Promise<void> {
	const terminal = new Terminal(host);
	try {
		const request = parse(args);
		if (request === null) {
			terminal.out(USAGE);
		} else {
			await carryOut(host, terminal, request);
			exit(host, 0);
			return;
		}
	} catch (error) {
		if (!(error instanceof UsageError)) throw error;
		terminal.err(`${error.message}\n`);
	}
	exit(host, 1);
}

/** Null when help is asked for. Throws UsageError. */
function parse(args: readonly string[]): Request | null {
	const flags = new Set<string>();
	let kind: PasswordHash["kind"] = "pbkdf2";
	let iterations = DEFAULT_ITERATIONS;
	let at = 0;
	for (; at < args.length; at++) {
		const arg = args[at]!;
		if (!arg.startsWith("-") || arg === STDOUT) break;
		if (arg === "-h" || arg === "--help") return null;
		if (arg === "-H") kind = kindOf(args[++at]);
		else if (arg === "-I") iterations = iterationsOf(args[++at]);
		else if (["-b", "-c", "-D", "-U"].includes(arg)) flags.add(arg);
		else throw new UsageError(`Error: Unknown option '${arg}'.`);
	}
	const [file, username, password, ...more] = args.slice(at);
	if (file === undefined && flags.size === 0) return null;
	const chosen = Object.keys(ACTIONS).filter((flag) => flags.has(flag));
	if (chosen.length > 1) throw new UsageError(`Error: ${chosen.join(" and ")} cannot be used together.`);
	const action = ACTIONS[chosen[0] ?? ""] ?? "set";
	const expected = action === "upgrade" ? 1 : flags.has("-b") ? 3 : 2;
	const given = [file, username, password].filter((each) => each !== undefined).length + more.length;
	if (file === undefined || given < expected) {
		const flag = [...flags][0];
		const missing = flag === undefined ? "username missing" : "password file, username or password missing";
		throw new UsageError(`Error: ${flag === undefined ? "" : `${flag} argument given but `}${missing}.`);
	}
	if (given > expected) throw new UsageError("Error: Too many arguments.");
	if (file === STDOUT && action !== "create")
		throw new UsageError("Error: Only -c writes to standard output.");
	if (username !== undefined) checkUsername(username);
	return { action, kind, iterations, file, username: username ?? "", password: password ?? null };
}

function kindOf(name: string | undefined): PasswordHash["kind"] {
	if (name === "sha512-pbkdf2") return "pbkdf2";
	if (name === "sha512") return "sha512";
	if (name === undefined) throw new UsageError("Error: -H argument given but not enough other arguments.");
	throw new UsageError(`Error: Unknown hash type '${name}': sha512-pbkdf2 or sha512.`);
}

function iterationsOf(text: string | undefined): number {
	const iterations = text !== undefined && /^[0-9]{1,7}$/.test(text) ? Number(text) : 0;
	if (iterations >= 1 && iterations <= MAXIMUM_ITERATIONS) return iterations;
	throw new UsageError(`Error: Number of iterations must be 1 to ${MAXIMUM_ITERATIONS}.`);
}

function checkUsername(name: string): void {
	const complaint = complaintAboutName(name);
	if (complaint !== null) throw new UsageError(`Error: ${complaint}`);
}

async function carryOut(host: Host, terminal: Terminal, request: Request): Promise<void> {
	const { action, file, username } = request;
	if (action === "create" && file !== STDOUT && host.files.info(file) !== null) {
		throw new UsageError(`Error: ${file} exists already: without -c, it is changed.`);
	}
	const lines = action === "create" ? [] : load(host, file);
	const entry = lines.findIndex((line) => nameOf(line) === username);
	if (action === "upgrade") {
		for (const [at, line] of lines.entries()) lines[at] = await upgraded(host, request, line);
	} else if (action === "delete") {
		if (entry < 0) throw new UsageError(`Warning: User ${username} not found in password file.`);
		lines.splice(entry, 1);
	} else {
		const password = request.password ?? (await askForPassword(host, terminal));
		const line = `${username}:${await hashed(host, request, password)}`;
		if (file !== STDOUT) terminal.out(`${entry < 0 ? "Adding" : "Updating"} password for user ${username}\n`);
		if (entry < 0) lines.push(line);
		else lines[entry] = line;
	}
	store(host, file, lines);
}

/** The lines of a file. Throws UsageError when it is none, or not a password file. */
function load(host: Host, file: string): string[] {
	let bytes: Uint8Array;
	try {
		bytes = host.files.read(file, FILE_LIMIT);
	} catch (error) {
		throw new UsageError(`Error: Unable to open password file ${file}. ${(error as HostError).message}.`);
	}
	const text = host.utf8.decode(bytes, 0, bytes.length);
	if (text === null) throw new UsageError(`Error: Password file ${file} is not UTF-8.`);
	const lines = passwordLines(text);
	const corrupt = lines.findIndex((line) => line !== "" && !line.startsWith("#") && !line.includes(":"));
	if (corrupt >= 0) throw new UsageError(`Error: Corrupt password file at line ${corrupt + 1}.`);
	return lines;
}

async function upgraded(host: Host, request: Request, line: string): Promise<string> {
	const name = nameOf(line);
	if (name === null) return line;
	const password = line.slice(line.indexOf(":") + 1);
	if (looksHashed(password)) return line;
	return `${name}:${await hashed(host, request, password)}`;
}

async function askForPassword(host: Host, terminal: Terminal): Promise<string> {
	const [first, second] = await readSecret(host, terminal, ["Password: ", "Reenter password: "]);
	if (first === undefined || second === undefined) throw new UsageError("Error: No password was given.");
	if (first !== second) throw new UsageError("Error: Passwords do not match.");
	return first;
}

async function hashed(host: Host, { kind, iterations }: Request, text: string): Promise<string> {
	const password = octetsOf(host.utf8, text);
	const complaint = complaintAboutPassword(password);
	if (complaint !== null) throw new UsageError(`Error: ${complaint}`);
	if (kind === "sha512") {
		const salt = host.random.bytes(SALT_LENGTH);
		const joined = new Uint8Array(password.length + salt.length);
		joined.set(password);
		joined.set(salt, password.length);
		return formatPasswordHash({ kind, iterations: 1, salt, hash: host.crypto.sha512(joined) });
	}
	return formatPasswordHash(await hashPassword(host, password, iterations));
}

function store(host: Host, file: string, lines: readonly string[]): void {
	const bytes = octetsOf(host.utf8, passwordText(lines));
	try {
		if (file === STDOUT) host.process.stdout.write(bytes);
		else host.files.replace(file, bytes);
	} catch (error) {
		throw new UsageError(`Error: Unable to write password file ${file}. ${(error as HostError).message}.`);
	}
}
