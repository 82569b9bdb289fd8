/** `mqttd migrate`: takes mosquitto's configuration over, once, and leaves it as it is. */

import { ConfigError } from "../config/error.ts";
import { migrateConf, migrateUci, usesUci } from "../config/migrate.ts";
import { LAX_NAME, readUciFile } from "../config/uci-file.ts";
import type { Host, HostError } from "../host/host.ts";
import type { Context } from "./prepare.ts";

const UCI = "/etc/config/mosquitto";
const CONF = "/etc/mosquitto/mosquitto.conf";
const OUR_UCI = "/etc/config/mqttd";
const OUR_CONF = "/etc/mqttd/mqttd.conf";
const REPORT = "/etc/mqttd/migration.txt";
/** What was there before. */
const KEPT = ".before-migration";
const FILE_LIMIT = 4 * 1024 * 1024;
/** Our files are for root and the broker's group; who may read them the init script sees to. */
const MODE = 0o600;
/** What others may do with a file. */
const OTHERS = 0o007;

const EXIT = { done: 0, failed: 1, nothing: 2 } as const;

const USAGE = `mqttd migrate takes over the configuration of mosquitto's OpenWrt package, once.

Usage: mqttd migrate [--force] [--root folder]
 --force : do it again.
 --root  : the folder that stands for /.

${UCI} becomes ${OUR_UCI}; with its use_uci 0, ${CONF} becomes ${OUR_CONF}.
mosquitto's files stay as they are, ours are kept as /etc/mqttd/*${KEPT}, and what could not be carried over is told here and in
${REPORT}. It ends with ${EXIT.nothing} when there is nothing to take over.
`;

/** UCI that lets the broker run with a file of mosquitto.conf's format. */
function uciFor(isStopped: boolean): string {
	const enabled = isStopped
		? "\t# Switched off until what could not be carried over has been looked at\n"
		: "";
	return `\nconfig mqttd 'mqttd'\n${enabled}\toption enabled '${isStopped ? 0 : 1}'\n\toption use_uci '0'\n\toption config_file '${OUR_CONF}'\n`;
}

/** A line of either format that names a file with secrets, which the broker refuses when others may use it. */
const SECRET = /^[ \t]*(?:option )?(?:password_file|psk_file|keyfile)[ \t]+'?([^']+?)'?[ \t\r]*$/;

/** What is to be written, by path, and what is to be said. */
interface Plan {
	readonly files: ReadonlyMap<string, string>;
	readonly from: string;
	readonly report: readonly string[];
	readonly isStopped: boolean;
}

/** Runs it and ends the process. */
export function runMigrate({ host, args }: Context): void {
	const print = (stream: "stdout" | "stderr", text: string) =>
		host.process[stream].write(host.utf8.encode(text));
	let code: number;
	try {
		code = migrate(host, args, print);
	} catch (error) {
		if (!(error instanceof ConfigError) && (error as Partial<HostError>).code === undefined) throw error;
		const lines = error instanceof ConfigError ? error.lines : [`Error: ${(error as HostError).message}.`];
		print("stderr", lines.map((line) => `${line}\n`).join(""));
		code = EXIT.failed;
	}
	host.process.exit(code);
}

/** Returns the exit code. Throws ConfigError, or a HostError. */
function migrate(
	host: Host,
	args: readonly string[],
	print: (stream: "stdout" | "stderr", text: string) => void,
): number {
	const at = args.indexOf("--root");
	const root = at < 0 ? "" : args[at + 1];
	const rest = args.filter(
		(arg, index) => arg !== "--force" && (at < 0 || (index !== at && index !== at + 1)),
	);
	if (root === undefined || rest.length > 0) {
		const isAsked = rest.includes("--help") || rest.includes("-h");
		print(isAsked ? "stdout" : "stderr", USAGE);
		return isAsked ? EXIT.done : EXIT.failed;
	}
	if (host.files.info(root + REPORT) !== null && !args.includes("--force")) {
		print("stdout", `It has been done already: see ${root}${REPORT}.\n`);
		return EXIT.nothing;
	}
	const plan = planOf(host, root);
	if (plan === null) {
		print("stdout", "There is no configuration of mosquitto to take over.\n");
		return EXIT.nothing;
	}
	const report = reportOf(plan, readableFiles(host, root, plan));
	for (const [path, text] of plan.files) replace(host, root, path, text);
	host.files.replace(root + REPORT, host.utf8.encode(report), 0o644);
	print("stdout", report);
	return EXIT.done;
}

/** Null when there is nothing to take over. */
function planOf(host: Host, root: string): Plan | null {
	const isThere = (path: string) => host.files.info(root + path) !== null;
	const sections = isThere(UCI) ? readUciFile(host, root + UCI, LAX_NAME).sections : [];
	if (usesUci(sections)) {
		const { text, report, isStopped } = migrateUci(host, sections);
		return { files: new Map([[OUR_UCI, text]]), from: UCI, report, isStopped };
	}
	if (!isThere(CONF)) return null;
	const bytes = host.files.read(root + CONF, FILE_LIMIT);
	const migration = migrateConf(host, root + CONF, host.utf8.decodeLossy(bytes, 0, bytes.length));
	if (migration === null) return null;
	const { text, report, isStopped } = migration;
	const files = new Map([
		[OUR_CONF, text],
		[OUR_UCI, uciFor(isStopped)],
	]);
	return { files, from: CONF, report, isStopped };
}

/** Files that the new configuration names, and that everybody can read: a sentence about each. */
function readableFiles(host: Host, root: string, { files }: Plan): string[] {
	const lines = [...files.values()].flatMap((text) => text.split("\n"));
	const paths = new Set(lines.map((line) => SECRET.exec(line)?.[1]).filter((path) => path !== undefined));
	return [...paths]
		.filter((path) => ((host.files.info(`${root}${path}`, true)?.mode ?? 0) & OTHERS) !== 0)
		.map(
			(path) =>
				`Everybody can use ${path}. mqttd refuses such files; its init script takes that right away before the broker starts.`,
		);
}

function reportOf({ files, from, report, isStopped }: Plan, remarks: readonly string[]): string {
	const lines = [
		`mosquitto's configuration ${from} has been taken over into ${[...files.keys()].join(" and ")}.`,
		"The files of mosquitto are as they were.",
		"",
		...(report.length === 0 ? ["All of it could be carried over."] : report.map((line) => `- ${line}`)),
		...remarks.map((line) => `- ${line}`),
	];
	if (isStopped) {
		lines.push(
			"",
			"Something is switched off, as without what could not be carried over more would be allowed than before: look for 'enabled' in",
			`${OUR_UCI}, and switch it on once it is right.`,
		);
	}
	return `${lines.join("\n")}\n`;
}

/** Keeps what was there; a second time, what was there at first. */
function replace(host: Host, root: string, path: string, text: string): void {
	const kept = `${root}/etc/mqttd/${path.slice(path.lastIndexOf("/") + 1)}${KEPT}`;
	if (host.files.info(root + path) !== null && host.files.info(kept) === null) {
		host.files.replace(kept, host.files.read(root + path, FILE_LIMIT), MODE);
	}
	host.files.replace(root + path, host.utf8.encode(text), MODE);
}
