/** What both client programs do around their work: arguments, printing, the client's options, the end. */

import type { ClientOptions, Properties } from "../client/client.ts";
import type { Host, HostError, Network, OutputStream } from "../host/host.ts";
import { octetsOf } from "./argument.ts";
import { readCommandLine } from "./command-line.ts";
import { ExitCode, unreachable } from "./exit-codes.ts";
import type { Program, Settings } from "./settings.ts";
import { askPassPhrase, connectTls, wantsTls } from "./tls.ts";
import { usageText, versionLine } from "./usage.ts";
import { InformationRequest, UsageError } from "./usage-error.ts";

/** Standard output and error for text. */
export class Terminal {
	private readonly host: Host;

	constructor(host: Host) {
		this.host = host;
	}

	out(text: string): void {
		this.print(this.host.process.stdout, text);
	}

	err(text: string): void {
		this.print(this.host.process.stderr, text);
	}

	private print(stream: OutputStream, text: string): void {
		try {
			stream.write(this.host.utf8.encode(text));
		} catch {
			// Nobody reads it any more.
		}
	}
}

/**
 * Calls `then` with settings from the command line, at once unless a pass phrase has to be asked for first; or prints why
 * there are none, and ends the program.
 */
export function startProgram(
	host: Host,
	terminal: Terminal,
	program: Program,
	args: readonly string[],
	version: string,
	then: (settings: Settings) => void,
): void {
	const end = (error: unknown) => {
		if (error instanceof InformationRequest) {
			const usage = error.what === "usage";
			terminal.out(usage ? usageText(program, version) : `${versionLine(program, version)}\n`);
		} else if (error instanceof UsageError) {
			terminal.err(`${error.message}\nUse '${program} --help' to see usage.\n`);
		} else {
			throw error;
		}
		exit(host, ExitCode.FAILURE);
	};
	let settings: Settings;
	try {
		settings = readCommandLine(host, program, args);
		const { tls, message } = settings;
		if (wantsTls(tls) && !settings.noTls) {
			// Standard input may be what is to be sent.
			const isTaken = message?.kind === "stdin" || message?.kind === "lines";
			const asked = isTaken ? null : askPassPhrase(host, terminal, tls);
			if (asked !== null) {
				void asked.then((phrase) => {
					try {
						settings.connectTls = connectTls(host, tls, phrase);
					} catch (error) {
						end(error);
						return;
					}
					then(settings);
				});
				return;
			}
			settings.connectTls = connectTls(host, tls, null);
		}
	} catch (error) {
		end(error);
		return;
	}
	then(settings);
}

/** Whether settings make a connection; else it prints why not, `invalidId` for an empty client identifier, and ends. */
export function mayConnect(host: Host, terminal: Terminal, settings: Settings, invalidId: string): boolean {
	let problem: string | null = null;
	if (settings.clientId === "") problem = invalidId;
	else if (settings.version < 5 && settings.password !== null && settings.username === null) {
		problem = "Error: Problem setting username and/or password.\n";
	}
	if (problem === null) return true;
	if (!settings.quiet) terminal.err(problem);
	exit(host, ExitCode.FAILURE);
	return false;
}

/** Whether an address needs no look-up. */
const NUMERIC = /^[0-9.]+$|:/;

/** Turns a local address given by name into a numeric one, then calls `then`; or prints why not, and ends. */
export function withBindAddress(host: Host, terminal: Terminal, settings: Settings, then: () => void): void {
	const name = settings.bindAddress;
	if (name === null || NUMERIC.test(name)) {
		then();
		return;
	}
	host.network.resolve(name).then(
		([address]) => {
			settings.bindAddress = address ?? name;
			then();
		},
		(error: HostError) => {
			const { code, text } = unreachable(error);
			if (text !== null && !settings.quiet) terminal.err(text);
			exit(host, code);
		},
	);
}

/** The host of a client: with `--ws`, one whose network is `webSocket`. */
export function clientHost(host: Host, settings: Settings, webSocket: Network): Host {
	return settings.webSocket ? { ...host, network: webSocket } : host;
}

/** The client's options that settings ask for. */
export function clientOptions(host: Host, settings: Settings): ClientOptions {
	const { version, properties } = settings;
	const prefix = settings.clientIdPrefix;
	return {
		host: address(host, settings),
		port: settings.port ?? (settings.webSocket ? 8080 : 1883),
		...(settings.bindAddress === null ? {} : { bindAddress: settings.bindAddress }),
		noDelay: settings.noDelay,
		tls: settings.connectTls,
		version,
		clientId: prefix === null ? (settings.clientId ?? "") : `${prefix}${host.process.pid}`,
		cleanStart: settings.cleanStart,
		keepAlive: settings.keepAlive,
		username: settings.username,
		password: settings.password === null ? null : octetsOf(host.utf8, settings.password),
		will:
			settings.willTopic === null
				? null
				: {
						topic: settings.willTopic,
						payload: octetsOf(host.utf8, settings.willPayload ?? ""),
						qos: settings.willQos,
						retain: settings.willRetain,
						properties: nullIfEmpty(properties.will),
					},
		properties: version === 5 ? connectProperties(settings) : null,
		maximumInflight: settings.maximumInflight,
	};
}

/** Port 0 says that the host is a socket's path; the network wants it to be absolute. */
function address(host: Host, settings: Settings): string {
	const name = settings.host ?? "localhost";
	if (settings.port !== 0 || name.startsWith("/")) return name;
	return `${host.process.env("PWD") ?? ""}/${name}`;
}

const RECEIVE_MAXIMUM = 20;

/** With a count of messages, no more than those are to be under way: the rest stays with the broker. */
function connectProperties(settings: Settings): Properties {
	const receiveMaximum = Math.min(settings.messageCount ?? RECEIVE_MAXIMUM, RECEIVE_MAXIMUM);
	return { receiveMaximum, ...settings.properties.connect };
}

/** Null for properties of which there are none. */
export function nullIfEmpty(properties: Properties): Properties | null {
	return Object.keys(properties).length === 0 ? null : properties;
}

/** Makes and starts what `create` returns; or prints which setting no CONNECT can carry, and ends. */
export function startClient(
	host: Host,
	terminal: Terminal,
	settings: Settings,
	create: () => { start(): void },
): void {
	let client: { start(): void };
	try {
		client = create();
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
		if (!settings.quiet) terminal.err(`Error: ${error.message}.\n`);
		exit(host, ExitCode.FAILURE);
		return;
	}
	client.start();
}

/** Ends the program. */
export function exit(host: Host, code: number): void {
	host.process.exit(code & ExitCode.INTERRUPTED);
}
