/** mosquitto_sub: subscribes to topics and prints the messages that arrive. */

import {
	type ClientHandler,
	type CloseReason,
	type ConnackPacket,
	type Message,
	MqttClient,
	Reason,
	topicMatches,
} from "../client/client.ts";
import type { Host, HostError, Network } from "../host/host.ts";
import { ExitCode, failureOf, refusalText } from "./exit-codes.ts";
import { MessagePrinter } from "./message-printer.ts";
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

const PROGRAM = "mosquitto_sub";
const RECONNECT_DELAY = 1000;
const SECOND = 1000;
const EMPTY = new Uint8Array(0);

/** Runs mosquitto_sub with its arguments (without the program's name) and ends the process. `webSocket`: the network of `--ws`. */
export function runSub(
	host: Host,
	args: readonly string[],
	version = "unknown",
	webSocket = host.network,
): void {
	const terminal = new Terminal(host);
	startProgram(host, terminal, PROGRAM, args, version, (settings) =>
		subscribe(host, terminal, settings, webSocket),
	);
}

function subscribe(host: Host, terminal: Terminal, settings: Settings, webSocket: Network): void {
	if (settings.hideRetained && settings.retainedOnly) {
		terminal.err("\nError: Combining '-R' and '--retained-only' makes no sense.\n");
		exit(host, ExitCode.FAILURE);
		return;
	}
	if (!mayConnect(host, terminal, settings, "Error: Invalid id and/or clean_session.\n")) return;
	withBindAddress(host, terminal, settings, () => {
		const by = clientHost(host, settings, webSocket);
		startClient(host, terminal, settings, () => new Subscriber(by, settings, terminal));
	});
}

class Subscriber implements ClientHandler {
	private readonly host: Host;
	private readonly settings: Settings;
	private readonly terminal: Terminal;
	private readonly client: MqttClient;
	private readonly printer: MessagePrinter;
	readonly onTrace?: (line: string) => void;
	/** Whether arriving messages still count. */
	private processing = true;
	private answered = false;
	private reached = false;
	private timedOut = false;
	private printed = 0;
	/** Deletions of retained messages that the broker has not acknowledged. */
	private deletions = 0;
	private rate = 0;
	private exitCode: number = ExitCode.SUCCESS;

	constructor(host: Host, settings: Settings, terminal: Terminal) {
		this.host = host;
		this.settings = settings;
		this.terminal = terminal;
		this.printer = new MessagePrinter(host, settings, (text) => this.complain(text));
		if (settings.debug) this.onTrace = (line) => terminal.out(`${line}\n`);
		this.client = new MqttClient(
			host,
			{
				...clientOptions(host, settings),
				reconnect: { delay: RECONNECT_DELAY, maximum: RECONNECT_DELAY, first: false },
			},
			this,
		);
	}

	start(): void {
		this.host.process.onSignal("SIGINT", () => this.interrupt());
		this.host.process.onSignal("SIGTERM", () => this.interrupt());
		if (!this.tryPrint(() => this.printer.begin())) return;
		this.client.connect();
	}

	onReached(): void {
		if (this.reached) return;
		this.reached = true;
		const { timeout, messageRate } = this.settings;
		if (timeout !== null) {
			this.host.timers.after(timeout * SECOND, () => {
				this.timedOut = true;
				this.interrupt();
			});
		}
		if (messageRate) this.scheduleRate();
	}

	onConnect(): void {
		this.answered = true;
		const { topics, qos, retainAsPublished, retainHandling, unsubscribeTopics, properties } = this.settings;
		const v5 = this.settings.version === 5;
		if (topics.length > 0) {
			const requests = topics.map((topicFilter) => ({
				topicFilter,
				qos,
				noLocal: false,
				retainAsPublished: v5 && retainAsPublished,
				retainHandling: v5 ? retainHandling : (0 as const),
			}));
			this.client.subscribe(requests, nullIfEmpty(properties.subscribe));
		}
		for (const topic of unsubscribeTopics) {
			this.client.unsubscribe([topic], nullIfEmpty(properties.unsubscribe));
		}
	}

	onRefused(connack: ConnackPacket): void {
		this.answered = true;
		this.exitCode = connack.reasonCode;
		this.complain(refusalText(connack.reasonCode, this.settings.version));
		this.disconnect();
	}

	onSubscribed(packetId: number, reasonCodes: readonly number[]): void {
		if (this.settings.debug && !this.settings.quiet) {
			this.terminal.out(`Subscribed (mid: ${packetId}): ${reasonCodes.join(", ")}\n`);
		}
		if (reasonCodes.every((code) => code >= 0x80)) {
			this.disconnect();
			this.complain("All subscription requests were denied.\n");
		}
		if (this.settings.exitAfterSubscribe) this.disconnect();
	}

	onMessage(message: Message): void {
		this.rate++;
		const { settings } = this;
		if (!this.processing || settings.messageRate) return;
		if (settings.retainedOnly && !message.retain) {
			this.finish();
			return;
		}
		if (settings.hideRetained && message.retain) return;
		for (const filter of settings.filterOut) if (topicMatches(filter, message.topic)) return;
		if (settings.removeRetained && message.retain) this.removeRetained(message.topic);
		if (!this.tryPrint(() => this.printer.print(message))) return;
		this.printed++;
		if (this.printed === settings.messageCount) this.finish();
	}

	onPublished(): void {
		this.deletions--;
		if (!this.processing && this.deletions === 0) this.disconnect();
	}

	onClose(reason: CloseReason): void {
		const goesOn = reason.kind === "lost" || reason.kind === "keep-alive" || reason.kind === "server";
		if ((goesOn || reason.kind === "unreachable") && this.reached) return;
		this.client.disconnect();
		if (this.timedOut) {
			this.complain("Timed out\n");
			exit(this.host, ExitCode.TIMEOUT);
			return;
		}
		const failure = failureOf(reason, this.settings.version);
		if (failure.text !== null && reason.kind !== "refused") this.complain(failure.text);
		exit(this.host, this.exitCode === ExitCode.SUCCESS ? failure.code : this.exitCode);
	}

	private complain(text: string): void {
		if (!this.settings.quiet) this.terminal.err(text);
	}

	/** Disconnects; the end of the connection ends the program. */
	private disconnect(reasonCode = 0): void {
		const { state } = this.client;
		if (state === "ending") return;
		if (!this.client.disconnect(reasonCode, nullIfEmpty(this.settings.properties.disconnect))) {
			this.onClose({ kind: "requested" });
		}
	}

	/** All messages that were wanted have come. */
	private finish(): void {
		this.processing = false;
		if (this.deletions === 0) this.disconnect();
	}

	/** By a signal, or by the time that `-W` sets. */
	private interrupt(): void {
		if (!this.answered) {
			exit(this.host, ExitCode.INTERRUPTED);
			return;
		}
		this.processing = false;
		this.disconnect(Reason.DISCONNECT_WITH_WILL_MESSAGE);
	}

	private removeRetained(topic: string): void {
		if (this.client.publish(topic, EMPTY, { qos: 1, retain: true }) > 0) this.deletions++;
	}

	/** Disconnects and returns false when nobody reads standard output any more. */
	private tryPrint(print: () => void): boolean {
		try {
			print();
			return true;
		} catch (error) {
			if ((error as Partial<HostError>).code === undefined) throw error;
			this.processing = false;
			this.disconnect();
			return false;
		}
	}

	private scheduleRate(): void {
		this.host.timers.after(SECOND, () => {
			this.terminal.out(`${this.rate} msgs/s\n`);
			this.rate = 0;
			this.scheduleRate();
		});
	}
}
