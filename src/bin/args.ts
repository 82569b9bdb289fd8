/** The broker's command line: one table of options, as mosquitto's with ours added. */

import type { Port } from "../config/value.ts";

export interface BrokerArguments {
	/** Read in this order. */
	readonly configFiles: string[];
	/** Name, or path, of a UCI file; null for none. */
	uci: string | null;
	readonly ports: Port[];
	daemon: boolean;
	quiet: boolean;
	verbose: boolean;
	testConfig: boolean;
	/** To hash the passwords of the UCI file, and end. */
	hashPasswords: boolean;
	pidFile: string | null;
	/** What to print instead of running. */
	print: "help" | "version" | null;
}

/** Something wrong with the arguments. `usage` says whether help is to follow. */
export class ArgumentError extends Error {
	readonly usage: boolean;

	constructor(message: string, usage = false) {
		super(message);
		this.name = "ArgumentError";
		this.usage = usage;
	}
}

interface ArgumentOption {
	readonly names: readonly string[];
	/** What follows it, for help and for the error when it is missing; null when nothing does. */
	readonly value: { readonly name: string; readonly what: string } | null;
	readonly help: string;
	take(result: BrokerArguments, value: string): void;
}

/** mosquitto's own limit. */
const PORT_LIMIT = 100;

const OPTIONS: readonly ArgumentOption[] = [
	{
		names: ["-c", "--config-file"],
		value: { name: "file", what: "config file" },
		help: "read this configuration file",
		take: (result, value) => void result.configFiles.push(value),
	},
	{
		names: ["-d", "--daemon"],
		value: null,
		help: "go to the background when serving, and print the process id",
		take: (result) => {
			result.daemon = true;
		},
	},
	{
		names: ["-h", "--help"],
		value: null,
		help: "show this help",
		take: (result) => {
			result.print ??= "help";
		},
	},
	{
		names: ["--hash-passwords"],
		value: null,
		help: "replace the passwords of users in the UCI file by their hashes and end",
		take: (result) => {
			result.hashPasswords = true;
		},
	},
	{
		names: ["-p", "--port"],
		value: { name: "port", what: "port" },
		help: "listen on this port of this machine's loopback; `auto` for any that is free",
		take: (result, value) => {
			if (result.ports.length === PORT_LIMIT) {
				throw new ArgumentError(`Error: Only ${PORT_LIMIT} ports can be specified on the command line.`);
			}
			result.ports.push(parsePort(value));
		},
	},
	{
		names: ["--pid-file"],
		value: { name: "file", what: "file" },
		help: "write the process id to this file",
		take: (result, value) => {
			result.pidFile = value;
		},
	},
	{
		names: ["-q", "--quiet"],
		value: null,
		help: "log nothing, whatever -v and the configuration say",
		take: (result) => {
			result.quiet = true;
		},
	},
	{
		names: ["--uci"],
		value: { name: "name", what: "UCI file" },
		help: "read this UCI file of /etc/config, or of another path",
		take: (result, value) => {
			if (value === "") throw new ArgumentError("Error: --uci needs a name.");
			result.uci = value;
		},
	},
	{
		names: ["-v", "--verbose"],
		value: null,
		help: "log everything, whatever the configuration says",
		take: (result) => {
			result.verbose = true;
		},
	},
	{
		names: ["--test-config"],
		value: null,
		help: "check the configuration file and end",
		take: (result) => {
			result.testConfig = true;
		},
	},
	{
		names: ["--tls-keylog"],
		value: { name: "file", what: "file" },
		help: "not available: keys of connections are not told",
		take: () => {
			throw new ArgumentError("Error: --tls-keylog is not available: keys of connections are not told.");
		},
	},
	{
		names: ["--version"],
		value: null,
		help: "show the version",
		take: (result) => {
			result.print ??= "version";
		},
	},
];

function parsePort(value: string): Port {
	if (value === "auto") return "auto";
	const port = /^[0-9]{1,9}$/.test(value) ? Number(value) : 0;
	if (port < 1 || port > 65535) throw new ArgumentError(`Error: Invalid port specified (${value}).`);
	return port;
}

/** Reads the arguments (without the program's name). Throws ArgumentError. */
export function parseArguments(words: readonly string[]): BrokerArguments {
	const result: BrokerArguments = {
		configFiles: [],
		uci: null,
		ports: [],
		daemon: false,
		quiet: false,
		verbose: false,
		testConfig: false,
		hashPasswords: false,
		pidFile: null,
		print: null,
	};
	for (let i = 0; i < words.length && result.print === null; i++) {
		const word = words[i] ?? "";
		const option = OPTIONS.find((each) => each.names.includes(word));
		if (option === undefined) throw new ArgumentError(`Error: Unknown option '${word}'.`, true);
		if (option.value === null) {
			option.take(result, "");
			continue;
		}
		const value = words[++i];
		if (value === undefined) {
			throw new ArgumentError(`Error: ${word} argument given, but no ${option.value.what} specified.`);
		}
		option.take(result, value);
	}
	if (result.hashPasswords && result.uci === null && result.print === null) {
		throw new ArgumentError("Error: --hash-passwords needs --uci.");
	}
	if (result.uci !== null && result.configFiles.length > 0) {
		throw new ArgumentError("Error: Options are read from --uci or from -c, not both.");
	}
	return result;
}

/** The text for `-h`. `program` is the name that was called. */
export function usage(program: string, version: string): string {
	const lines = [
		`${program} version ${version}`,
		"",
		`${program} is an MQTT v5.0/v3.1.1/v3.1 broker.`,
		"",
		`Usage: ${program} [-c config_file] [-d] [-h] [-p port] [-v]`,
		`       ${" ".repeat(program.length)} [-q] [--pid-file file] [--test-config] [--uci name] [--version]`,
		"",
	];
	for (const { names, value, help } of OPTIONS) {
		const left = names.join(", ") + (value === null ? "" : ` ${value.name}`);
		lines.push(` ${left.padEnd(24)} ${help}`);
	}
	return `${lines.join("\n")}\n`;
}
