/** mosquitto_pub: publishes one message, or one for each line of standard input, and ends. */

import {
	ClientError,
	type ClientHandler,
	type CloseReason,
	type ConnackPacket,
	MAXIMUM_PACKET_SIZE,
	MqttClient,
	type Properties,
	type PublishOptions,
	reasonName,
} from "../client/client.ts";
import type { Host, InputStream, Network } from "../host/host.ts";
import { octetsOf } from "./argument.ts";
import { ExitCode, failureOf, publishFailure, refusalText } from "./exit-codes.ts";
import { Gathering, LineSplitter } from "./line-splitter.ts";
import {
	clientHost,
	clientOptions,
	exit,
	mayConnect,
	nullIfEmpty,
	startClient,
	startProgram,
	Terminal,
	withBindAddress,
} from "./program.ts";
import type { Settings } from "./settings.ts";
import { usageText } from "./usage.ts";

const PROGRAM = "mosquitto_pub";
/** How much payload a message can have. */
const LARGEST_PAYLOAD = MAXIMUM_PACKET_SIZE - 5;
const RECONNECT_DELAY = 1000;
/** Output that piles up beyond this makes repetition and lines wait. */
const ENOUGH_OUTPUT = 65_536;
/** Milliseconds after which piled up output is looked at again. */
const OUTPUT_CHECK = 10;
/** With so many messages, or octets of payload, not yet answered, lines wait: standard input is not read on. */
const MOST_UNANSWERED = 1000;
const MOST_UNANSWERED_OCTETS = 1_048_576;
const EMPTY = new Uint8Array(0);

/** Runs mosquitto_pub with its arguments (without the program's name) and ends the process. `webSocket`: the network of `--ws`. */
export function runPub(
	host: Host,
	args: readonly string[],
	version = "unknown",
	webSocket = host.network,
): void {
	const terminal = new Terminal(host);
	startProgram(host, terminal, PROGRAM, args, version, (settings) =>
		publish(host, terminal, settings, version, webSocket),
	);
}

function publish(
	host: Host,
	terminal: Terminal,
	settings: Settings,
	version: string,
	webSocket: Network,
): void {
	const complain = (text: string) => {
		if (!settings.quiet) terminal.err(text);
	};
	loadMessage(host, settings, complain, (payload) => {
		if (payload === null) {
			exit(host, ExitCode.FAILURE);
			return;
		}
		if (settings.topic === null || settings.message === null) {
			terminal.err("Error: Both topic and message must be supplied.\n");
			terminal.out(usageText(PROGRAM, version));
			exit(host, ExitCode.FAILURE);
			return;
		}
		if (!mayConnect(host, terminal, settings, "Error: Invalid id.\n")) return;
		const { topic } = settings;
		withBindAddress(host, terminal, settings, () => {
			const by = clientHost(host, settings, webSocket);
			startClient(host, terminal, settings, () => new Publisher(by, settings, topic, payload, terminal));
		});
	});
}

/** Gives the payload; null after printing why there is none. Lines of standard input are read later. */
function loadMessage(
	host: Host,
	settings: Settings,
	complain: (text: string) => void,
	then: (payload: Uint8Array | null) => void,
): void {
	const { message } = settings;
	if (message?.kind === "argument") {
		then(octetsOf(host.utf8, message.text));
	} else if (message?.kind === "file") {
		then(loadFile(host, message.path, complain));
	} else if (message?.kind === "stdin") {
		loadStdin(host, complain, then);
	} else {
		then(EMPTY);
	}
}

function loadFile(host: Host, path: string, complain: (text: string) => void): Uint8Array | null {
	try {
		return host.files.read(path, LARGEST_PAYLOAD);
	} catch (error) {
		if ((error as { code?: string }).code === "EFBIG") {
			complain(`Error: File must be less than ${LARGEST_PAYLOAD} bytes.\n\n`);
		} else {
			complain(`Error: Unable to open file "${path}".\n`);
		}
		complain(`Error loading input file "${path}".\n`);
		return null;
	}
}

function loadStdin(
	host: Host,
	complain: (text: string) => void,
	then: (payload: Uint8Array | null) => void,
): void {
	const gathered = new Gathering(LARGEST_PAYLOAD);
	let over = false;
	const finish = (payload: Uint8Array | null, problem = "") => {
		over = true;
		if (payload === null) {
			complain(problem);
			complain("Error loading input from stdin.\n");
		}
		then(payload);
	};
	const input = host.process.readStdin(
		(bytes) => {
			if (over || gathered.add(bytes)) return;
			// However much is still to come.
			input.pause(true);
			finish(null, `Error: Message length must be less than ${LARGEST_PAYLOAD} bytes.\n\n`);
		},
		() => {
			if (gathered.length === 0) finish(null, "Error: Zero length input.\n");
			else finish(gathered.take());
		},
	);
}

class Publisher implements ClientHandler {
	private readonly host: Host;
	private readonly settings: Settings;
	private readonly topic: string;
	private readonly payload: Uint8Array;
	private readonly terminal: Terminal;
	private readonly client: MqttClient;
	private readonly publishOptions: PublishOptions;
	private readonly byLine: boolean;
	readonly onTrace?: (line: string) => void;
	private published = 0;
	private readonly lines = new LineSplitter(LARGEST_PAYLOAD);
	/** Standard input while lines are read from it. */
	private input: InputStream | null = null;
	/** Whether `publishLines` is at work: an answer may come at once. */
	private publishing = false;
	private everConnected = false;
	/** Whether this connection has seen the topic along with its alias. */
	private aliasKnown = false;
	private exitCode: number = ExitCode.SUCCESS;

	constructor(host: Host, settings: Settings, topic: string, payload: Uint8Array, terminal: Terminal) {
		this.host = host;
		this.settings = settings;
		this.topic = topic;
		this.payload = payload;
		this.terminal = terminal;
		this.byLine = settings.message?.kind === "lines";
		this.publishOptions = {
			qos: settings.qos,
			retain: settings.retain,
			properties: nullIfEmpty(settings.properties.publish),
		};
		if (settings.debug) this.onTrace = (line) => terminal.out(`${line}\n`);
		const reconnect = { delay: RECONNECT_DELAY, maximum: RECONNECT_DELAY, first: false };
		this.client = new MqttClient(
			host,
			{ ...clientOptions(host, settings), reconnect: this.byLine ? reconnect : null },
			this,
		);
	}

	start(): void {
		this.client.connect();
	}

	onConnect(): void {
		this.everConnected = true;
		this.aliasKnown = false;
		if (!this.byLine) {
			this.publishOnce(this.payload);
			return;
		}
		if (this.input === null) this.readLines();
		this.publishLines();
	}

	onDrain(): void {
		if (this.byLine) this.publishLines();
	}

	onRefused(connack: ConnackPacket): void {
		this.complain(refusalText(connack.reasonCode, this.settings.version));
	}

	onPublished(packetId: number, reasonCode: number, properties: Properties | null): void {
		if (reasonCode >= 0x80) {
			this.complain(`Warning: Publish ${packetId} failed: ${reasonName(reasonCode)}.\n`);
			if (properties?.reasonString !== undefined) this.complain(`${properties.reasonString}\n`);
		}
		if (!this.byLine) {
			this.finishedOne();
			return;
		}
		this.publishLines();
	}

	onClose(reason: CloseReason): void {
		const { version } = this.settings;
		if (this.byLine && this.everConnected && goesOn(reason)) return;
		this.client.disconnect();
		let failure = failureOf(reason, version);
		if (this.byLine && reason.kind === "refused") {
			failure = { code: reason.code, text: "Error: The connection was refused.\n" };
		}
		if (failure.text !== null) this.complain(failure.text);
		exit(this.host, failure.code === ExitCode.SUCCESS ? this.exitCode : failure.code);
	}

	private complain(text: string): void {
		if (!this.settings.quiet) this.terminal.err(text);
	}

	private disconnect(): void {
		this.client.disconnect(0, nullIfEmpty(this.settings.properties.disconnect));
	}

	/** Hands a message to the client; false after an error, which ends the program. */
	private send(payload: Uint8Array): boolean {
		const aliased = this.aliasKnown && this.settings.properties.publish.topicAlias !== undefined;
		const result = this.client.publish(aliased ? "" : this.topic, payload, this.publishOptions);
		if (result > 0) {
			this.aliasKnown = true;
			return true;
		}
		this.fail(result);
		return false;
	}

	/** A message cannot be published: ends the program. */
	private fail(error: number): void {
		const failure = publishFailure(error);
		if (failure.text !== null) this.complain(failure.text);
		this.exitCode = failure.code;
		this.disconnect();
	}

	// One message, perhaps repeated

	private publishOnce(payload: Uint8Array): void {
		if (this.send(payload) && this.settings.qos === 0) this.finishedOne();
	}

	private finishedOne(): void {
		this.published++;
		if (this.published >= this.settings.repeatCount) this.disconnect();
		else this.scheduleRepeat(this.settings.repeatDelay);
	}

	private scheduleRepeat(delay: number): void {
		this.host.timers.after(delay, () => {
			if (this.client.state !== "connected") return;
			if (this.client.buffered > ENOUGH_OUTPUT) this.scheduleRepeat(OUTPUT_CHECK);
			else this.publishOnce(this.payload);
		});
	}

	// A message for each line

	private readLines(): void {
		this.input = this.host.process.readStdin(
			(bytes) => {
				this.lines.push(bytes);
				this.publishLines();
			},
			() => {
				this.lines.end();
				this.publishLines();
			},
		);
	}

	/** Publishes lines as far as they are taken, and reads on when none is left; or ends when there are no more. */
	private publishLines(): void {
		if (this.publishing) return;
		this.publishing = true;
		while (this.mayPublish()) {
			const line = this.lines.next();
			if (line === null) break;
			this.send(line);
		}
		this.publishing = false;
		if (this.lines.overflow && this.client.state === "connected") this.fail(ClientError.PACKET_TOO_LARGE);
		this.input?.pause(!this.mayPublish());
		const done = this.lines.done && this.client.unanswered === 0;
		if (done && this.client.state === "connected") this.disconnect();
	}

	/** Whether the client takes one more line: else memory would fill with what a slow server is to get. */
	private mayPublish(): boolean {
		const { client } = this;
		return (
			client.state === "connected" &&
			client.buffered <= ENOUGH_OUTPUT &&
			client.unanswered < MOST_UNANSWERED &&
			client.unansweredOctets < MOST_UNANSWERED_OCTETS
		);
	}
}

/** Whether a connection that ended for this reason is made again. */
function goesOn(reason: CloseReason): boolean {
	return reason.kind !== "requested" && reason.kind !== "refused" && reason.kind !== "protocol";
}
