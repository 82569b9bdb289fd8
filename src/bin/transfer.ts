/** `mqttd export` and `mqttd import`: what the broker keeps, as lines of JSON, and back; or out of mosquitto's database file. */

import { ConfigError } from "../config/error.ts";
import type { Host, HostError } from "../host/host.ts";
import { describe, exportDatabase, importFile, TransferError } from "../store/transfer.ts";
import { loadConfig } from "./load.ts";
import type { Context } from "./prepare.ts";
import { FIRST_USER as DEFAULT_USER, LAST_USER } from "./privileges.ts";
import { storePaths } from "./store.ts";

const EXIT_FAILURE = 1;
/** mosquitto's for wrong arguments. */
const EXIT_INVALID = 3;
/** Octets of lines that are written at once. */
const PIECE = 65_536;
/** Messages are nobody else's business. */
const MODE = 0o600;

const WHERE = ` -c         : a configuration file of the broker, which says where its database is.
 --uci      : the same of UCI.
 --database : the path of the database itself.
`;

const EXPORT_USAGE = `mqttd export writes what the broker keeps as lines of JSON. The broker must not be running.

Usage: mqttd export (-c file | --uci name | --database file) [file]
${WHERE} file       : what is written; standard output by default.
`;

const IMPORT_USAGE = `mqttd import reads what \`mqttd export\` wrote, or the database file of mosquitto, versions 3 to 6. The broker must
not be running. Sessions replace those of the same client identifier, retained messages those of the same topic.

Usage: mqttd import (-c file | --uci name | --database file) file
${WHERE} file       : what is read.
`;

interface Request {
	readonly database: string;
	readonly file: string | null;
	/** Who is to own a database that is made; null for who makes it. */
	readonly owner: string | null;
}

class ArgumentsError extends Error {}

const SOURCES = ["-c", "--uci", "--database"] as const;

/** Null when help is asked for. Throws ArgumentsError and ConfigError. */
function parse(host: Host, args: readonly string[]): Request | null {
	let source: { readonly name: (typeof SOURCES)[number]; readonly value: string } | null = null;
	let file: string | null = null;
	for (let at = 0; at < args.length; at++) {
		const arg = args[at]!;
		if (arg === "-h" || arg === "--help") return null;
		const name = SOURCES.find((each) => each === arg);
		if (name !== undefined) {
			const value = args[++at];
			if (value === undefined) throw new ArgumentsError(`${name} argument given, but nothing after it.`);
			if (source !== null) throw new ArgumentsError("the database is named twice.");
			source = { name, value };
		} else if (arg.startsWith("-")) {
			throw new ArgumentsError(`Unknown option '${arg}'.`);
		} else if (file !== null) {
			throw new ArgumentsError(`'${arg}' is one file too many.`);
		} else {
			file = arg;
		}
	}
	if (source === null)
		throw new ArgumentsError("which database is not said: -c, --uci or --database is missing.");
	const { name, value } = source;
	if (name === "--database") return { database: value, file, owner: null };
	const { global } = loadConfig(host, {
		configFiles: name === "-c" ? [value] : [],
		uci: name === "--uci" ? value : null,
	});
	return { database: storePaths(global).own, file, owner: global.user ?? DEFAULT_USER };
}

/** Runs one of the two to its end, with its texts. */
function run({ host, args }: Context, usage: string, use: (request: Request) => void): void {
	const say = (stream: "stdout" | "stderr", text: string) =>
		host.process[stream].write(host.utf8.encode(text));
	let code = 0;
	try {
		const request = parse(host, args);
		if (request === null) say("stdout", usage);
		else use(request);
	} catch (error) {
		if (error instanceof ArgumentsError) {
			say("stderr", `Error: ${error.message}\n`);
			say("stdout", `\n${usage}`);
			code = EXIT_INVALID;
		} else if (error instanceof ConfigError) {
			say("stderr", `${error.lines.join("\n")}\n`);
			code = EXIT_INVALID;
		} else if (error instanceof TransferError) {
			say("stderr", `Error: ${error.message}.\n`);
			code = EXIT_FAILURE;
		} else {
			throw error;
		}
	}
	host.process.exit(code);
}

export function runExport(context: Context): void {
	run(context, EXPORT_USAGE, ({ database, file }) => {
		const output = openOutput(context, file);
		exportDatabase(context.host, database, (line) => output.add(`${line}\n`));
		output.end();
	});
}

/** What collects lines and writes them in pieces. Throws TransferError. */
function openOutput({ host }: Context, file: string | null): { add(text: string): void; end(): void } {
	const attempt = <T>(what: () => T): T => {
		try {
			return what();
		} catch (error) {
			const where = file === null ? "standard output" : `'${file}'`;
			throw new TransferError(`Unable to write ${where} (${(error as HostError).message})`);
		}
	};
	let write = (bytes: Uint8Array): void => host.process.stdout.write(bytes);
	if (file !== null) {
		const target = attempt(() => {
			host.files.write(file, new Uint8Array(0), MODE);
			return host.files.append(file);
		});
		write = (bytes) => target.write(bytes);
	}
	let lines: string[] = [];
	let length = 0;
	const end = () => {
		const bytes = host.utf8.encode(lines.join(""));
		lines = [];
		length = 0;
		attempt(() => write(bytes));
	};
	const add = (line: string) => {
		lines.push(line);
		length += line.length;
		if (length >= PIECE) end();
	};
	return { add, end };
}

export function runImport(context: Context): void {
	run(context, IMPORT_USAGE, ({ database, file, owner }) => {
		if (file === null) throw new ArgumentsError("the file to import is missing.");
		const isNew = context.host.files.info(database) === null;
		const { counts, warnings } = importFile(context.host, database, file);
		if (isNew && owner !== null) giveTo(context.host, database, owner);
		const { stdout, stderr } = context.host.process;
		const { utf8 } = context.host;
		for (const warning of warnings) stderr.write(utf8.encode(`Warning: ${warning}.\n`));
		stdout.write(utf8.encode(`Imported ${describe(counts)}.\n`));
	});
}

/** Gives a database that root has made to the user that the broker becomes. */
function giveTo({ files, process }: Host, database: string, user: string): void {
	if (process.uid !== 0 || user === "root") return;
	for (const each of user === DEFAULT_USER ? [user, LAST_USER] : [user]) {
		try {
			files.setOwner(database, each, null);
			return;
		} catch (error) {
			if ((error as HostError).code === "ENOENT") continue;
			throw new TransferError(`Unable to give '${database}' to ${each} (${(error as HostError).message})`);
		}
	}
}
