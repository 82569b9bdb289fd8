/** mosquitto_pub: publishes one message, or one for each line of standard input, and ends. */

import {
	type ClientHandler,
	type CloseReason,
	type ConnackPacket,
	MAXIMUM_PACKET_SIZE,
	MqttClient,
	type Properties,
	type PublishOptions,
	reasonName,
} from "../client/client.ts";
import type { Host } from "../host/host.ts";
import { ExitCode, failureOf, publishFailure, refusalText } from "./exit-codes.ts";
import { concatenate, LineSplitter } from "./line-splitter.ts";
import {
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
/** Output that piles up beyond this makes repetition wait. */
const ENOUGH_OUTPUT = 65_536;
/** Milliseconds after which piled up output is looked at again. */
const OUTPUT_CHECK = 10;
/** Lines handed to the client and not yet answered; the others wait here. */
const MOST_UNANSWERED = 1000;
const EMPTY = new Uint8Array(0);

/** Runs mosquitto_pub with its arguments (without the program's name) and ends the process. */
export function runPub(host: Host, args: readonly string[], version = "unknown"): void {
	const terminal = new Terminal(host);
	const settings = startProgram(host, terminal, PROGRAM, args, version);
	if (settings === null) return;
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
			startClient(host, terminal, settings, () => new Publisher(host, settings, topic, payload, terminal));
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
		then(host.utf8.encode(message.text));
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
	const pieces: Uint8Array[] = [];
	let length = 0;
	const fail = (text: string) => {
		complain(text);
		complain("Error loading input from stdin.\n");
		then(null);
	};
	host.process.readStdin(
		(bytes) => {
			length += bytes.length;
			if (length <= LARGEST_PAYLOAD) pieces.push(bytes.slice());
			else pieces.length = 0;
		},
		() => {
			if (length === 0) fail("Error: Zero length input.\n");
			else if (length > LARGEST_PAYLOAD) {
				fail(`Error: Message length must be less than ${LARGEST_PAYLOAD} bytes.\n\n`);
			} else then(concatenate(pieces));
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
	/** Lines that came while there was no connection, or too many unanswered ones. */
	private readonly waiting: Uint8Array[] = [];
	private nextWaiting = 0;
	private reading = false;
	private inputEnded = false;
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
		if (!this.reading) this.readLines();
		this.publishWaiting();
		this.endIfDone();
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
		this.publishWaiting();
		this.endIfDone();
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
		const failure = publishFailure(result);
		if (failure.text !== null) this.complain(failure.text);
		this.exitCode = failure.code;
		this.disconnect();
		return false;
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
		this.reading = true;
		const splitter = new LineSplitter((line) => this.publishLine(line));
		this.host.process.readStdin(
			(bytes) => splitter.push(bytes),
			() => {
				splitter.end();
				this.inputEnded = true;
				this.endIfDone();
			},
		);
	}

	private publishLine(line: Uint8Array): void {
		if (this.waiting.length === 0 && this.mayPublish()) this.send(line);
		else this.waiting.push(line.slice());
	}

	/** Publishes lines that had to wait. */
	private publishWaiting(): void {
		while (this.nextWaiting < this.waiting.length && this.mayPublish()) {
			this.send(this.waiting[this.nextWaiting++]!);
		}
		// Cutting off the sent ones for each answer would move all the others each time.
		if (this.nextWaiting * 2 > this.waiting.length) {
			this.waiting.splice(0, this.nextWaiting);
			this.nextWaiting = 0;
		}
	}

	/** There are fewer packet identifiers than there can be lines. */
	private mayPublish(): boolean {
		return this.client.state === "connected" && this.client.unanswered < MOST_UNANSWERED;
	}

	private endIfDone(): void {
		const done = this.inputEnded && this.waiting.length === 0 && this.client.unanswered === 0;
		if (done && this.client.state === "connected") this.disconnect();
	}
}

/** Whether a connection that ended for this reason is made again. */
function goesOn(reason: CloseReason): boolean {
	return reason.kind !== "requested" && reason.kind !== "refused" && reason.kind !== "protocol";
}
