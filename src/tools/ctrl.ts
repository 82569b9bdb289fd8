/** mosquitto_ctrl: sends a command to a control topic of the broker, and prints what is answered. */

import {
	type ClientHandler,
	type CloseReason,
	type ConnackPacket,
	type Message,
	MqttClient,
	reasonName,
} from "../client/client.ts";
import type { Host, Network } from "../host/host.ts";
import { checkTogether, readLeadingOptions } from "./command-line.ts";
import { type Ask, findCtrlCommand, MODULES, type Module } from "./ctrl-commands.ts";
import { initialise, setPasswordInFile } from "./ctrl-file.ts";
import { printResponse, ResponseError } from "./ctrl-print.ts";
import { ExitCode, failureOf, refusalText } from "./exit-codes.ts";
import { type OptionDefinition, valued } from "./option.ts";
import { OPTIONS } from "./option-table.ts";
import {
	clientHost,
	clientOptions,
	exit,
	mayConnect,
	startClient,
	Terminal,
	withBindAddress,
} from "./program.ts";
import { readSecret } from "./secret.ts";
import { defaultSettings, type Program, type Settings } from "./settings.ts";
import { askPassPhrase, connectTls, TLS_OPTIONS, wantsTls } from "./tls.ts";
import { usageText, versionLine } from "./usage.ts";
import { InformationRequest, UsageError } from "./usage-error.ts";

const PROGRAM: Program = "mosquitto_ctrl";
/** mosquitto's error numbers, as exit codes. */
const INVALID_ARGUMENTS = 3;
const UNKNOWN_MODULE = 10;
const UNKNOWN_COMMAND = 13;
/** Milliseconds to wait for an answer. */
const TIMEOUT = 30_000;

/** Options that it has in common with the other programs. */
const COMMON = ["-A", "-d", "-h", "-i", "-L", "-o", "-p", "-P", "-q", "-u", "-v", "-V"];
const COMMON_LONG = ["--help", "--no-tls", "--quiet", "--unix", "--version", "--ws"];

/** What the command line says beyond the settings that all programs have. */
class CtrlArguments {
	/** A configuration file to be changed. */
	file: string | null = null;
}

function optionsFor(given: CtrlArguments): OptionDefinition[] {
	const file = valued(
		["-f"],
		[PROGRAM],
		"FILE",
		"no data file specified",
		"configuration file to be changed",
		(_, v) => {
			given.file = v;
		},
	);
	const shared = OPTIONS.filter(
		(option) => TLS_OPTIONS.includes(option) || [...COMMON, ...COMMON_LONG].includes(option.names[0]!),
	);
	return [...shared, file].sort((a, b) => (a.names[0]! < b.names[0]! ? -1 : 1));
}

/** Runs mosquitto_ctrl with its arguments (without the program's name) and ends the process. */
export async function runCtrl(
	host: Host,
	args: readonly string[],
	version = "unknown",
	webSocket: Network = host.network,
): Promise<void> {
	const terminal = new Terminal(host);
	const given = new CtrlArguments();
	const options = optionsFor(given);
	try {
		const settings: Settings = { ...defaultSettings(PROGRAM), version: 5, qos: 1 };
		const [name, command, ...rest] = readLeadingOptions(host, settings, args, options);
		checkTogether(settings);
		if (wantsTls(settings.tls) && !settings.noTls) {
			const passPhrase = await askPassPhrase(host, terminal, settings.tls);
			settings.connectTls = connectTls(host, settings.tls, passPhrase);
		}
		if (name === undefined || command === undefined) throw new InformationRequest("usage");
		const module = Object.hasOwn(MODULES, name) ? MODULES[name] : undefined;
		if (module === undefined) {
			terminal.err(`Error: Module '${name}' not supported.\n`);
			exit(host, UNKNOWN_MODULE);
			return;
		}
		if (command.toLowerCase() === "help") {
			terminal.out(moduleUsage(name, module));
			exit(host, ExitCode.SUCCESS);
			return;
		}
		if (name === "dynsec" && (await changeFile(host, terminal, given, command, rest))) return;
		await send(host, terminal, settings, module, command, rest, webSocket);
	} catch (error) {
		if (error instanceof InformationRequest) {
			const modules = `\nModules: ${Object.keys(MODULES).join(", ")}\n`;
			const asked = error.what === "usage";
			terminal.out(
				asked ? usageText(PROGRAM, version, options) + modules : `${versionLine(PROGRAM, version)}\n`,
			);
		} else if (error instanceof UsageError) {
			terminal.err(error.message);
		} else {
			throw error;
		}
		exit(host, ExitCode.FAILURE);
	}
}

/** Carries out what needs no broker. False when the command is not such a one. */
async function changeFile(
	host: Host,
	terminal: Terminal,
	{ file }: CtrlArguments,
	command: string,
	args: readonly string[],
): Promise<boolean> {
	const name = command.toLowerCase();
	if (name === "init") {
		const [path, username, given, ...more] = args;
		if (path === undefined || username === undefined || more.length > 0) {
			const what =
				more.length > 0 ? "Too many arguments." : "Not enough arguments - filename, or admin-user missing.";
			terminal.err(`dynsec init: ${what}\n`);
			invalid(host, terminal);
			return true;
		}
		const password =
			given ?? (await newPassword((prompts) => readSecret(host, terminal, prompts), username, false));
		await initialise(host, path, username, password!);
		terminal.out(`The client '${username}' has been created in the file '${path}'.\n${ADVICE}`);
	} else if (name === "setclientpassword" && file !== null) {
		await setPasswordInFile(host, file, args);
	} else {
		return false;
	}
	exit(host, ExitCode.SUCCESS);
	return true;
}

const ADVICE = `It may administer dynamic security, and publish to no other topic. Clients for other work are made like this:
   mosquitto_ctrl <options> dynsec createClient <username>
   mosquitto_ctrl <options> dynsec createRole <rolename>
   mosquitto_ctrl <options> dynsec addRoleACL <rolename> publishClientSend my/topic allow
   mosquitto_ctrl <options> dynsec addClientRole <username> <rolename>
`;

function invalid(host: Host, terminal: Terminal): void {
	terminal.err("Error: Invalid function arguments provided.\n");
	exit(host, INVALID_ARGUMENTS);
}

/** Null for an empty one, where that is allowed. Throws UsageError. */
async function newPassword(
	read: (prompts: readonly string[]) => Promise<string[]>,
	username: string,
	mayBeEmpty: boolean,
): Promise<string | null> {
	const prompts = [`New password for ${username}: `, `Reenter password for ${username}: `];
	const [first, second] = await read(prompts);
	if (mayBeEmpty && (first ?? "") === "") return null;
	if (first === undefined || second === undefined) throw new UsageError("Error: No password was given.\n");
	if (first !== second) throw new UsageError("Error: Passwords do not match.\n");
	if (first === "") throw new UsageError("Error: Empty password.\n");
	return first;
}

async function send(
	host: Host,
	terminal: Terminal,
	settings: Settings,
	module: Module,
	name: string,
	args: readonly string[],
	webSocket: Network,
): Promise<void> {
	const found = findCtrlCommand(module, name);
	if (found === undefined) {
		terminal.err(`Command '${name}' not recognised.\n`);
		exit(host, UNKNOWN_COMMAND);
		return;
	}
	const [command, definition] = found;
	const login =
		settings.password === null && settings.username !== null ? [`Password for ${settings.username}: `] : [];
	/** Asks for the program's own password, too, as standard input can be read only once. */
	const read = async (prompts: readonly string[]): Promise<string[]> => {
		const lines = await readSecret(host, terminal, [...login, ...prompts]);
		if (login.splice(0).length > 0) settings.password = lines.shift() ?? null;
		return lines;
	};
	const ask: Ask = (what, username) => newPassword(read, username, what === "optional");
	const members = await definition.build(args, ask);
	if (members === null) {
		invalid(host, terminal);
		return;
	}
	if (login.length > 0) await read([]);
	if (settings.connectTls === null && settings.port !== 0 && !settings.quiet) {
		terminal.err(
			"Warning: There is no encryption: all that is sent can be seen on the network, passwords too.\n\n",
		);
	}
	if (!mayConnect(host, terminal, settings, "Error: Invalid id.\n")) return;
	const payload = JSON.stringify({ commands: [{ command, ...members }] });
	withBindAddress(host, terminal, settings, () => {
		const by = clientHost(host, settings, webSocket);
		startClient(
			host,
			terminal,
			settings,
			() => new Controller(by, settings, terminal, module.topic, payload),
		);
	});
}

class Controller implements ClientHandler {
	private readonly host: Host;
	private readonly settings: Settings;
	private readonly terminal: Terminal;
	private readonly topic: string;
	private readonly payload: string;
	private readonly client: MqttClient;
	readonly onTrace?: (line: string) => void;
	/** Null while nothing has decided how the program ends. */
	private exitCode: number | null = null;

	constructor(host: Host, settings: Settings, terminal: Terminal, topic: string, payload: string) {
		this.host = host;
		this.settings = settings;
		this.terminal = terminal;
		this.topic = topic;
		this.payload = payload;
		if (settings.debug) this.onTrace = (line) => terminal.out(`${line}\n`);
		this.client = new MqttClient(host, clientOptions(host, settings), this);
	}

	start(): void {
		this.client.connect();
		this.host.timers.after(TIMEOUT, () => this.end(ExitCode.TIMEOUT, "Error: There is no answer.\n"));
	}

	onConnect(): void {
		const topicFilter = `${this.topic}/response`;
		const { qos } = this.settings;
		const options = { qos, noLocal: false, retainAsPublished: false, retainHandling: 0 as const };
		this.client.subscribe([{ topicFilter, ...options }]);
	}

	onRefused({ reasonCode }: ConnackPacket): void {
		this.end(reasonCode, refusalText(reasonCode, this.settings.version));
	}

	onSubscribed(_packetId: number, reasonCodes: readonly number[]): void {
		if (reasonCodes.some((code) => code >= 0x80)) {
			this.end(ExitCode.FAILURE, "Subscribe error: Subscription refused.\n");
			return;
		}
		this.client.publish(this.topic, this.host.utf8.encode(this.payload), { qos: this.settings.qos });
	}

	onPublished(_packetId: number, reasonCode: number): void {
		if (reasonCode >= 0x80) this.end(ExitCode.FAILURE, `Publish error: ${reasonName(reasonCode)}\n`);
	}

	onMessage({ payload, payloadStart, payloadEnd }: Message): void {
		if (this.exitCode !== null) return;
		try {
			const text = this.host.utf8.decodeLossy(payload, payloadStart, payloadEnd);
			const { out, error } = printResponse(text);
			this.terminal.out(out.map((line) => `${line}\n`).join(""));
			this.end(ExitCode.SUCCESS, error === null ? null : `${error}\n`);
		} catch (error) {
			if (!(error instanceof ResponseError)) throw error;
			this.end(ExitCode.FAILURE, `${error.message}\n`);
		}
	}

	onClose(reason: CloseReason): void {
		if (this.exitCode === null) {
			const { code, text } = failureOf(reason, this.settings.version);
			if (text !== null) this.complain(text);
			this.exitCode = code;
		}
		exit(this.host, this.exitCode);
	}

	private end(code: number, text: string | null): void {
		if (this.exitCode !== null) return;
		this.exitCode = code;
		if (text !== null) this.complain(text);
		if (!this.client.disconnect()) this.onClose({ kind: "requested" });
	}

	private complain(text: string): void {
		if (!this.settings.quiet) this.terminal.err(text);
	}
}

function moduleUsage(name: string, { commands, notes }: Module): string {
	const lines = Object.entries(commands).flatMap(([command, { parameters, help }]) => [
		` ${`${command} ${parameters}`.trim()}`,
		`      ${help}`,
	]);
	return `${[`Usage: ${PROGRAM} [options] ${name} <command> [arguments]`, "", ...lines, ...notes].join("\n")}\n`;
}
