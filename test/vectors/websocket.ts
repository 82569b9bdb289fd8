/**
 * Conformance to RFC 6455 as cases, run by unit tests over the fake network and by system tests against the built programs.
 * They cover what groups 1 to 7 and 9 of the Autobahn test suite cover, in its numbering where there is one; its echo
 * is MQTT here: PINGREQ and its answer, or a message to a topic that the client itself subscribed to.
 */

/** A frame as it stands on the wire. */
export interface Frame {
	readonly first: number;
	readonly payload: Uint8Array;
}

export interface WebSocketCase {
	readonly name: string;
	/** What the client sends once it is connected and subscribed to `w`. */
	readonly send: readonly Uint8Array[];
	/** Octets that the server's binary frames carry together. */
	readonly payload: Uint8Array;
	/** Payloads of its pongs. */
	readonly pongs: readonly Uint8Array[];
	/**
	 * The payload of its close frame. Where the case itself does not end the connection, the runner does, with code 1000.
	 */
	readonly close: Uint8Array;
	/** Whether the runner has to end it. */
	readonly goesOn: boolean;
}

export const FIN = 0x80;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

export function bytes(...parts: (number | readonly number[] | Uint8Array | string)[]): Uint8Array {
	return Uint8Array.from(
		parts.flatMap((part) =>
			typeof part === "number" ? [part] : typeof part === "string" ? [...new TextEncoder().encode(part)] : [...part],
		),
	);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
	const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
	let at = 0;
	for (const part of parts) {
		all.set(part, at);
		at += part.length;
	}
	return all;
}

let masks = 0x1234567;

/** A client's frame: masked, with a key that is another each time. */
export function frame(first: number, payload: Uint8Array = bytes(), masked = true): Uint8Array {
	const { length } = payload;
	const size = length < 126 ? [length] : length < 65536 ? [126, length >> 8, length & 255] : [127, ...octets8(length)];
	const head = [first, (masked ? 0x80 : 0) | size[0]!, ...size.slice(1)];
	if (!masked) return bytes(head, payload);
	masks = (Math.imul(masks, 0x10dcd) + 1) >>> 0;
	const key = [masks >>> 24, (masks >>> 16) & 255, (masks >>> 8) & 255, masks & 255];
	return concat([Uint8Array.from([...head, ...key]), payload.map((octet, index) => octet ^ key[index % 4]!)]);
}

function octets8(length: number): number[] {
	return [0, 0, 0, 0, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];
}

/** Takes a server's octets apart; throws when they are no whole, unmasked frames. */
export function readFrames(all: Uint8Array): Frame[] {
	const frames: Frame[] = [];
	let at = 0;
	while (at < all.length) {
		const second = all[at + 1]!;
		if (second > 127) throw new Error("a server's frame is masked");
		const extra = second === 126 ? 2 : second === 127 ? 8 : 0;
		let length = second;
		if (extra > 0) {
			length = 0;
			for (let index = 0; index < extra; index++) length = length * 256 + all[at + 2 + index]!;
		}
		const start = at + 2 + extra;
		if (!(start + length <= all.length)) throw new Error("a server's frame is cut off");
		frames.push({ first: all[at]!, payload: all.slice(start, start + length) });
		at = start + length;
	}
	return frames;
}

export const PINGREQ = bytes(0xc0, 0);
export const PINGRESP = bytes(0xd0, 0);
/** CONNECT of 3.1.1, clean, without identifier; SUBSCRIBE to `w` at QoS 0; and what comes back. */
export const OPENING = bytes([0x10, 12, 0, 4], "MQTT", [4, 2, 0, 0, 0, 0], [0x82, 6, 0, 1, 0, 1], "w", 0);
export const OPENED = bytes([0x20, 2, 0, 0], [0x90, 3, 0, 1, 0]);

/** A PUBLISH to `w` that takes `size` octets. */
export function publish(size: number): Uint8Array {
	for (let digits = 1; ; digits++) {
		const rest = size - 1 - digits;
		const length: number[] = [];
		for (let left = rest; length.length === 0 || left > 0; left >>= 7) length.push((left & 127) | (left > 127 ? 128 : 0));
		if (length.length !== digits) continue;
		const packet = new Uint8Array(size);
		packet.set([0x30, ...length, 0, 1, 0x77]);
		for (let at = 4 + digits; at < size; at++) packet[at] = (at * 31) & 255;
		return packet;
	}
}

/** A close frame's payload. */
export function closing(code: number, reason: Uint8Array | string = ""): Uint8Array {
	return bytes(code >> 8, code & 255, reason);
}

const NORMAL = closing(1000);
const all: WebSocketCase[] = [];

interface Outcome {
	payload?: Uint8Array;
	pongs?: Uint8Array[];
	/** The server closes with this; left out, the connection goes on. */
	close?: Uint8Array;
}

function add(name: string, send: readonly Uint8Array[], { payload, pongs, close }: Outcome): void {
	const goesOn = close === undefined;
	all.push({ name, send, payload: payload ?? bytes(), pongs: pongs ?? [], close: close ?? NORMAL, goesOn });
}

/** Two frames of one message. */
function halves(payload: Uint8Array, at: number): Uint8Array[] {
	return [frame(BINARY, payload.subarray(0, at)), frame(FIN, payload.subarray(at))];
}

const ping = frame(FIN | BINARY, PINGREQ);

function framing(): void {
	add("1.1.1: an empty text message", [frame(FIN | TEXT)], { close: closing(1003) });
	for (const size of [1, 125, 126, 127, 128, 65535, 65536]) {
		const text = new Uint8Array(size).fill(0x2a);
		add(`1.1.2: a text message of ${size} octets`, [frame(FIN | TEXT, text)], { close: closing(1003) });
	}
	add("1.2.1: an empty binary message", [frame(FIN | BINARY), ping], { payload: PINGRESP });
	for (const size of [5, 125, 126, 127, 128, 65535, 65536]) {
		const packet = publish(size);
		add(`1.2.2: a binary message of ${size} octets`, [frame(FIN | BINARY, packet)], { payload: packet });
	}
	add("masks: of zeros", [bytes(FIN | BINARY, 0x82, 0, 0, 0, 0, PINGREQ)], { payload: PINGRESP });
	add("masks: none", [ping, frame(FIN | BINARY, PINGREQ, false)], { payload: PINGRESP, close: closing(1002) });
	add("masks: a ping without", [frame(FIN | PING, bytes("x"), false)], { close: closing(1002) });
	const long = [
		bytes(FIN | BINARY, 0xfe, 0, 125),
		bytes(FIN | BINARY, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff),
		bytes(FIN | BINARY, 0xff, 0, 0, 0, 0, 0, 0, 0, 1),
	];
	for (const [index, head] of long.entries()) {
		add(`lengths: in more octets than it takes, ${index + 1}`, [head], { close: closing(1002) });
	}
	add("lengths: with the highest bit", [bytes(FIN | BINARY, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0)], { close: closing(1002) });
	add("lengths: 2 GiB", [bytes(FIN | BINARY, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0)], { close: closing(1009) });
	add("lengths: 2^62", [bytes(FIN | BINARY, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0)], { close: closing(1009) });
}

function pings(): void {
	const binary = bytes(0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff);
	const longest = new Uint8Array(125).fill(0xfe);
	for (const [number, payload] of [bytes(), bytes("Hello, world!"), binary, longest].entries()) {
		add(`2.${number + 1}: a ping of ${payload.length} octets`, [frame(FIN | PING, payload)], { pongs: [payload] });
	}
	add("2.5: a ping of 126 octets", [frame(FIN | PING, new Uint8Array(126))], { close: closing(1002) });
	add("2.7: an empty pong that nobody asked for", [frame(FIN | PONG), ping], { payload: PINGRESP });
	add("2.8: a pong that nobody asked for", [frame(FIN | PONG, bytes("unasked")), ping], { payload: PINGRESP });
	add("2.9: a pong, then a ping", [frame(FIN | PONG, bytes("unasked")), frame(FIN | PING, bytes("asked"))], {
		pongs: [bytes("asked")],
	});
	const ten = Array.from({ length: 10 }, (_, index) => bytes(`payload ${index}`));
	add("2.10: ten pings", [concat(ten.map((payload) => frame(FIN | PING, payload)))], { pongs: ten });
}

function reserved(): void {
	for (let bits = 1; bits < 8; bits++) {
		for (const [name, opcode] of Object.entries({ BINARY, TEXT, PING, CLOSE, CONTINUATION: 0 })) {
			add(`3.${bits}: reserved bits ${bits} in ${name}`, [ping, frame(FIN | (bits << 4) | opcode, bytes("x")), ping], {
				payload: PINGRESP,
				close: closing(1002),
			});
		}
	}
}

function opcodes(): void {
	for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
		const number = opcode < 8 ? `4.1.${opcode - 2}` : `4.2.${opcode - 10}`;
		for (const payload of [bytes(), bytes("payload")]) {
			add(`${number}: opcode ${opcode}, ${payload.length} octets`, [ping, frame(FIN | opcode, payload), ping], {
				payload: PINGRESP,
				close: closing(1002),
			});
		}
	}
}

function fragments(): void {
	const packet = publish(40);
	const wrong = { close: closing(1002) };
	add("5.1: a ping in fragments", [frame(PING, bytes("a")), frame(FIN, bytes("b"))], wrong);
	add("5.2: a pong in fragments", [frame(PONG, bytes("a")), frame(FIN, bytes("b"))], wrong);
	add("5.3: a message in two fragments", halves(packet, 20), { payload: packet });
	add("5.4: a message in two fragments at once", [concat(halves(packet, 20))], { payload: packet });
	const [first, last] = halves(packet, 1) as [Uint8Array, Uint8Array];
	const inside = frame(FIN | PING, bytes("inside"));
	add("5.6: a ping inside of a message", [first, inside, last], { payload: packet, pongs: [bytes("inside")] });
	add("5.7: a ping inside of a message, at once", [concat([first, inside, last])], {
		payload: packet,
		pongs: [bytes("inside")],
	});
	add("5.9: a continuation of nothing", [frame(FIN, bytes("x")), ping], wrong);
	add("5.12: a continuation of nothing, not the last", [frame(0, bytes("x")), ping], wrong);
	add("5.15: a continuation after the last", [...halves(packet, 20), frame(0, bytes("x")), ping], {
		payload: packet,
		close: closing(1002),
	});
	add("5.18: a message inside of another", [frame(BINARY, packet), frame(FIN | BINARY, PINGREQ)], {
		payload: packet,
		close: closing(1002),
	});
	const pieces = [...packet].map((octet, index) =>
		frame((index === 0 ? BINARY : 0) | (index === packet.length - 1 ? FIN : 0), bytes(octet)),
	);
	add("5.19: a fragment for each octet", pieces, { payload: packet });
	const mixed = pieces.flatMap((piece, index) => [piece, frame(FIN | PING, bytes(index)), frame(FIN | PONG)]);
	add("5.20: a fragment for each octet, with pings and pongs between", mixed, {
		payload: packet,
		pongs: pieces.map((_, index) => bytes(index)),
	});
	add("5.x: empty fragments", [frame(BINARY), frame(0), frame(0, PINGREQ), frame(0), frame(FIN), ping], {
		payload: concat([PINGRESP, PINGRESP]),
	});
	add("5.x: a close inside of a message", [first, frame(FIN | CLOSE, closing(1000)), last], { close: NORMAL });
	add("packets need no frame of their own", [frame(FIN | BINARY, concat([PINGREQ, packet, PINGREQ]))], {
		payload: concat([PINGRESP, packet, PINGRESP]),
	});
	add("a packet may begin in one message and end in another", [
		frame(FIN | BINARY, concat([PINGREQ, packet.subarray(0, 3)])),
		frame(FIN | BINARY, packet.subarray(3, 30)),
		frame(FIN | BINARY, concat([packet.subarray(30), PINGREQ])),
	], { payload: concat([PINGRESP, packet, PINGRESP]) });
}

/** Octets that are UTF-8, among them U+0000, and octets that are not. */
const WELL_FORMED: readonly (readonly number[])[] = [
	[...bytes("Hello-µ@ßöäüàá-UTF-8!!")],
	[0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xcf, 0x83, 0xce, 0xbc, 0xce, 0xb5],
	[0x00],
	[0x61, 0x00, 0xc3, 0xa9, 0x00],
	[0xc2, 0x80],
	[0xe0, 0xa0, 0x80],
	[0xf0, 0x90, 0x80, 0x80],
	[0x7f],
	[0xdf, 0xbf],
	[0xef, 0xbf, 0xbf],
	[0xf4, 0x8f, 0xbf, 0xbf],
	[0xed, 0x9f, 0xbf],
	[0xee, 0x80, 0x80],
	[0xef, 0xbf, 0xbd],
];
const ILL_FORMED: readonly (readonly number[])[] = [
	[0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xcf, 0x83, 0xce, 0xbc, 0xce, 0xb5, 0xed, 0xa0, 0x80, 0x65, 0x64],
	[0x80],
	[0xbf],
	[0x00, 0x80],
	[0x80, 0xbf, 0x80, 0xbf],
	[0xc0, 0x20],
	[0xe0, 0x80],
	[0xf0, 0x80, 0x80],
	[0xf8, 0x88, 0x80, 0x80, 0x80],
	[0xfc, 0x84, 0x80, 0x80, 0x80, 0x80],
	[0xfe],
	[0xff],
	[0xc0, 0xaf],
	[0xe0, 0x80, 0xaf],
	[0xf0, 0x80, 0x80, 0xaf],
	[0xc1, 0xbf],
	[0xe0, 0x9f, 0xbf],
	[0xf0, 0x8f, 0xbf, 0xbf],
	[0xc0, 0x80],
	[0xed, 0xa0, 0x80],
	[0xed, 0xbf, 0xbf],
	[0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80],
	[0xf4, 0x90, 0x80, 0x80],
	[0xf7, 0xbf, 0xbf, 0xbf],
	[0xce, 0xba, 0xe1],
];

function utf8(): void {
	const hex = (octets: readonly number[]) => octets.map((octet) => octet.toString(16).padStart(2, "0")).join("");
	for (const octets of [...WELL_FORMED, ...ILL_FORMED]) {
		const text = bytes(octets);
		add(`6: text ${hex(octets)}`, [frame(FIN | TEXT, text)], { close: closing(1003) });
		add(`6: text ${hex(octets)} in fragments`, [frame(TEXT, text.subarray(0, 1)), frame(FIN, text.subarray(1))], {
			close: closing(1003),
		});
	}
	for (const octets of WELL_FORMED) {
		const payload = closing(1000, bytes(octets));
		add(`6: close reason ${hex(octets)}`, [frame(FIN | CLOSE, payload)], { close: payload });
	}
	for (const octets of ILL_FORMED) {
		add(`7.5.1: close reason ${hex(octets)}`, [frame(FIN | CLOSE, closing(1000, bytes(octets)))], {
			close: closing(1007),
		});
	}
}

function closes(): void {
	const goodbye = frame(FIN | CLOSE, NORMAL);
	add("7.1.1: a message, then close", [ping, goodbye], { payload: PINGRESP, close: NORMAL });
	add("7.1.2: close twice", [goodbye, goodbye], { close: NORMAL });
	add("7.1.3: a ping after close", [goodbye, frame(FIN | PING, bytes("late"))], { close: NORMAL });
	add("7.1.4: a message after close", [goodbye, ping], { close: NORMAL });
	add("7.1.5: the rest of a message after close", [frame(BINARY, PINGREQ), goodbye, frame(FIN, PINGREQ)], {
		payload: PINGRESP,
		close: NORMAL,
	});
	const large = publish(262_144);
	add("7.1.6: 256 KiB, then close", [frame(FIN | BINARY, large), goodbye, ping], { payload: large, close: NORMAL });
	add("7.3.1: close without a code", [frame(FIN | CLOSE)], { close: bytes() });
	add("7.3.2: close with one octet", [frame(FIN | CLOSE, bytes("a"))], { close: closing(1002) });
	add("7.3.3: close with a code only", [goodbye], { close: NORMAL });
	add("7.3.4: close with a reason", [frame(FIN | CLOSE, closing(1000, "Hello World!"))], {
		close: closing(1000, "Hello World!"),
	});
	const longest = closing(1000, "*".repeat(123));
	add("7.3.5: close with the longest reason", [frame(FIN | CLOSE, longest)], { close: longest });
	add("7.3.6: close with too long a reason", [frame(FIN | CLOSE, closing(1000, "*".repeat(124)))], {
		close: closing(1002),
	});
	add("7.x: a close in fragments", [frame(CLOSE, NORMAL), frame(FIN)], { close: closing(1002) });
	for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
		add(`7.7: close with code ${code}`, [frame(FIN | CLOSE, closing(code, "why"))], { close: closing(code, "why") });
	}
	for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
		add(`7.9: close with code ${code}`, [frame(FIN | CLOSE, closing(code, "why"))], { close: closing(1002) });
	}
}

function sizes(): void {
	for (const size of [65_536, 262_144, 1_048_576]) {
		const packet = publish(size);
		add(`9.2: a message of ${size} octets`, [frame(FIN | BINARY, packet)], { payload: packet });
		for (const piece of [64, 4096, 65_536]) {
			if (size / piece > 5000) continue;
			const frames: Uint8Array[] = [];
			for (let at = 0; at < size; at += piece) {
				const isLast = at + piece >= size;
				frames.push(frame((at === 0 ? BINARY : 0) | (isLast ? FIN : 0), packet.subarray(at, at + piece)));
			}
			add(`9.4: ${size} octets in fragments of ${piece}`, [concat(frames)], { payload: packet });
		}
	}
	for (const size of [5, 16, 64, 256, 1024]) {
		const packet = publish(size);
		const many = Array.from({ length: 500 }, () => packet);
		add(`9.7: 500 messages of ${size} octets`, [concat(many.map((each) => frame(FIN | BINARY, each)))], {
			payload: concat(many),
		});
	}
}

framing();
pings();
reserved();
opcodes();
fragments();
utf8();
closes();
sizes();

/** What is sent at the end of a case that goes on, to end it. */
export const GOODBYE = frame(FIN | CLOSE, NORMAL);

export const webSocketCases: readonly WebSocketCase[] = all;

/** Whether what a server sent after its 101, up to the end of the connection, is what the case expects; throws when not. */
export function checkCase(expected: WebSocketCase, received: Uint8Array): void {
	const frames = readFrames(received);
	const of = (opcode: number) => frames.filter((each) => each.first === (FIN | opcode)).map((each) => each.payload);
	const say = (parts: readonly Uint8Array[]) => parts.map((part) => Buffer.from(part).toString("hex")).join(" ");
	const compare = (what: string, found: string, wanted: string) => {
		if (found !== wanted) throw new Error(`${expected.name}: ${what} is ${brief(found)}, not ${brief(wanted)}`);
	};
	const known = of(BINARY).length + of(PONG).length + of(CLOSE).length;
	compare("the number of frames of known kinds", String(known), String(frames.length));
	compare("the payload", say([concat(of(BINARY))]), say([concat([OPENED, expected.payload])]));
	compare("what pongs carry", say(of(PONG)), say(expected.pongs));
	compare("what the close carries", say(of(CLOSE)), say([expected.close]));
	compare("the last frame", String(frames.at(-1)?.first), String(FIN | CLOSE));
}

function brief(text: string): string {
	return text.length > 200 ? `${text.slice(0, 200)}… (${text.length / 2} octets)` : `"${text}"`;
}
