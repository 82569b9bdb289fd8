/** How mosquitto_sub prints a message: gathered in one buffer, and written at once. */

import type { Message } from "../client/client.ts";
import type { Host } from "../host/host.ts";
import { compileFormat, type FormatContext, printFormatted } from "./format.ts";
import { OutputBuffer } from "./output-buffer.ts";
import type { Settings } from "./settings.ts";
import { LocalTime } from "./strftime.ts";

const ALL = 10_000;
const LINE_FEED = 0x0a;
const SPACE = 0x20;
/** Line 1 of a watched terminal names the broker. */
const FIRST_WATCH_LINE = 2;

export class MessagePrinter {
	private readonly host: Host;
	private readonly settings: Settings;
	private readonly output: OutputBuffer;
	private readonly parts: ReturnType<typeof compileFormat> | null;
	private readonly context: FormatContext;
	private readonly watched = new Map<string, number>();
	private time: LocalTime | null = null;

	/** `complain` is told what cannot be printed. */
	constructor(host: Host, settings: Settings, complain: (text: string) => void) {
		this.host = host;
		this.settings = settings;
		this.output = new OutputBuffer(host.utf8);
		this.parts = settings.format === null ? null : compileFormat(settings.format);
		this.context = {
			pretty: settings.pretty,
			time: () => this.now(),
			decode: (bytes, start, end) => host.utf8.decodeLossy(bytes, start, end),
			complain,
		};
	}

	/** What comes before all messages. Throws a HostError when nobody reads. */
	begin(): void {
		if (!this.settings.watch) return;
		this.output.text(`\x1b[2J\x1b[1;1HBroker: ${this.settings.host ?? "localhost"}\n`);
		this.flush();
	}

	/** Prints a message. Throws a HostError when nobody reads. */
	print(message: Message): void {
		const { output, settings } = this;
		this.time = null;
		if (settings.watch) output.text(`\x1b[${this.watchLine(message.topic)};1H`);
		if (settings.randomFilter < ALL && this.random() >= settings.randomFilter) {
			output.take();
			return;
		}
		if (this.parts !== null) {
			printFormatted(output, this.parts, message, this.context);
			if (settings.endOfLine) output.byte(LINE_FEED);
		} else {
			this.printPlain(message);
		}
		if (settings.watch) output.text(`\x1b[${FIRST_WATCH_LINE + this.watched.size - 1};1H\n`);
		this.flush();
	}

	private printPlain(message: Message): void {
		const { output, settings } = this;
		const empty = message.payloadStart === message.payloadEnd;
		if (settings.verbose) {
			if (empty && !settings.endOfLine) return;
			output.text(message.topic);
			if (empty) output.text(" (null)");
			else output.byte(SPACE);
		} else if (empty) {
			return;
		}
		output.octets(message.payload, message.payloadStart, message.payloadEnd);
		if (settings.endOfLine) output.byte(LINE_FEED);
	}

	private flush(): void {
		const bytes = this.output.take();
		if (bytes.length > 0) this.host.process.stdout.write(bytes);
	}

	private watchLine(topic: string): number {
		let line = this.watched.get(topic);
		if (line === undefined) {
			line = FIRST_WATCH_LINE + this.watched.size;
			this.watched.set(topic, line);
		}
		return line;
	}

	/** 0 to 9999. */
	private random(): number {
		const [high, low] = this.host.random.bytes(2);
		return Math.floor((((high! << 8) | low!) * ALL) / 65_536);
	}

	private now(): LocalTime {
		if (this.time === null) {
			const moment = this.host.clock.now();
			this.time = new LocalTime(moment, this.host.clock.utcOffset(moment));
		}
		return this.time;
	}
}
