/** `mqttd export` and `mqttd import`: what the broker keeps, as lines of JSON, and back; or out of mosquitto's database file. */

import type { HostError } from "../host/host.ts";
import type { ImportCounts } from "../store/importer.ts";
import { exportDatabase, importFile, TransferError } from "../store/transfer.ts";
import type { Context } from "./prepare.ts";

const EXIT_FAILURE = 1;
/** mosquitto's for wrong arguments. */
const EXIT_INVALID = 3;
/** Octets of lines that are written at once. */
const PIECE = 65_536;
/** Messages are nobody else's business. */
const MODE = 0o600;

const EXPORT_USAGE = `mqttd export writes what the broker keeps as lines of JSON. The broker must not be running.

Usage: mqttd export --database file [file]
 --database : the broker's database.
 file       : what is written; standard output by default.
`;

const IMPORT_USAGE = `mqttd import reads what \`mqttd export\` wrote, or the database file of mosquitto, versions 3 to 6. The broker must
not be running. Sessions replace those of the same client identifier, retained messages those of the same topic.

Usage: mqttd import --database file file
 --database : the broker's database; it is made when there is none.
`;

interface Request {
	readonly database: string;
	readonly file: string | null;
}

class ArgumentsError extends Error {}

/** Null when help is asked for. Throws ArgumentsError. */
function parse(args: readonly string[]): Request | null {
	let database: string | null = null;
	let file: string | null = null;
	for (let at = 0; at < args.length; at++) {
		const arg = args[at]!;
		if (arg === "-h" || arg === "--help") return null;
		if (arg === "--database") {
			database = args[++at] ?? null;
			if (database === null) throw new ArgumentsError("--database argument given, but no file specified.");
		} else if (arg.startsWith("-")) {
			throw new ArgumentsError(`Unknown option '${arg}'.`);
		} else if (file !== null) {
			throw new ArgumentsError(`'${arg}' is one file too many.`);
		} else {
			file = arg;
		}
	}
	if (database === null) throw new ArgumentsError("--database is missing.");
	return { database, file };
}

/** Runs one of the two to its end, with its texts. */
function run({ host, args }: Context, usage: string, use: (request: Request) => void): void {
	const say = (stream: "stdout" | "stderr", text: string) =>
		host.process[stream].write(host.utf8.encode(text));
	let code = 0;
	try {
		const request = parse(args);
		if (request === null) say("stdout", usage);
		else use(request);
	} catch (error) {
		if (error instanceof ArgumentsError) {
			say("stderr", `Error: ${error.message}\n`);
			say("stdout", `\n${usage}`);
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
	run(context, IMPORT_USAGE, ({ database, file }) => {
		if (file === null) throw new ArgumentsError("the file to import is missing.");
		const { counts, warnings } = importFile(context.host, database, file);
		const { stdout, stderr } = context.host.process;
		const { utf8 } = context.host;
		for (const warning of warnings) stderr.write(utf8.encode(`Warning: ${warning}.\n`));
		stdout.write(utf8.encode(`Imported ${describe(counts)}.\n`));
	});
}

/** "1 session, 2 subscriptions, 3 messages to clients and 4 retained messages" */
export function describe({ sessions, subscriptions, deliveries, retained }: ImportCounts): string {
	const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
	const waiting = deliveries === 1 ? "1 message to clients" : `${deliveries} messages to clients`;
	const parts = [count(sessions, "session"), count(subscriptions, "subscription"), waiting];
	return `${parts.join(", ")} and ${count(retained, "retained message")}`;
}
