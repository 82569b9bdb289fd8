/**
 * A broker over a fake network and clock, but on the host's engine and with its texts and maps, in the hands of a test
 * outside: a command a line on standard input, what came of it a line on standard output.
 */

import { Broker } from "../../src/broker/broker.ts";
import {
	type BrokerSettings,
	defaultBrokerSettings,
	defaultListenerSettings,
	type ListenerSettings,
} from "../../src/broker/settings.ts";
import type { Host } from "../../src/host/host.ts";
import { FakeClock } from "../fake/clock.ts";
import { FakeNetwork, type FakePeer } from "../fake/network.ts";
import { scriptedAuthenticator, type WireAuthentication } from "../vectors/authenticator.ts";
import { say } from "./harness.ts";

/** One of its fields says what is to be done. Octets are hexadecimal. */
export interface WireCommand {
	/** A new broker; the one before, with its connections, is forgotten. */
	readonly start?: {
		readonly broker: Partial<BrokerSettings>;
		readonly listener: Partial<ListenerSettings>;
		readonly authentication: WireAuthentication | null;
	};
	/** A connection of that number. */
	readonly open?: number;
	/** To the connection of that number, `pieces` as one arrival each. */
	readonly send?: number;
	readonly pieces?: readonly string[];
	/** The connection of that number ends. */
	readonly drop?: number;
	/** Seconds pass. */
	readonly advance?: number;
	readonly stop?: true;
}

/** What a command led to. */
export interface WireResult {
	/** What arrived at connections, by number. */
	readonly output: { readonly [connection: number]: string };
	/** Those that are over. */
	readonly closed: readonly number[];
	/** Error lines of the log. */
	readonly errors: readonly string[];
}

const PORT = 1883;
/** Seconds that pass one by one. */
const STEPS = 1000;

/** Takes commands until standard input ends. */
export function serveWireCases(host: Host): void {
	const stage = new Stage(host);
	let held = "";
	host.process.readStdin(
		(bytes) => {
			// Commands are ASCII, so that no piece ends within a character.
			held += host.utf8.decode(bytes, 0, bytes.length);
			const lines = held.split("\n");
			held = lines.pop() ?? "";
			for (const line of lines) say(host, JSON.stringify(stage.carryOut(JSON.parse(line) as WireCommand)));
		},
		() => host.process.exit(0),
	);
}

class Stage {
	private readonly host: Host;
	private clock = new FakeClock();
	private network = new FakeNetwork();
	private broker: Broker | null = null;
	private peers = new Map<number, FakePeer>();
	private errors: string[] = [];

	constructor(host: Host) {
		this.host = host;
	}

	carryOut(command: WireCommand): WireResult {
		const { open, send, pieces = [], drop, advance } = command;
		if (command.start !== undefined) this.start(command.start);
		if (open !== undefined) this.peers.set(open, this.network.dial(PORT));
		if (send !== undefined) this.peer(send).send(...pieces.map(octets));
		if (drop !== undefined) this.peer(drop).end();
		if (advance !== undefined) this.pass(advance);
		if (command.stop) this.broker?.stop(() => {});
		this.network.turn();
		const output: Record<number, string> = {};
		for (const [number, peer] of this.peers) if (peer.chunks.length > 0) output[number] = hex(peer.take());
		const closed = [...this.peers].filter(([, peer]) => peer.closed).map(([number]) => number);
		return { output, closed, errors: this.errors.splice(0) };
	}

	/** Second by second would be too much for an emulated processor: of a long time, the end must do. */
	private pass(seconds: number): void {
		const leap = seconds > 2 * STEPS ? seconds - STEPS : 0;
		this.clock.leap(leap * 1000);
		this.clock.advance((seconds - leap) * 1000);
	}

	private start({ broker, listener, authentication }: NonNullable<WireCommand["start"]>): void {
		const { crypto, random, utf8, createByteMap, process } = this.host;
		const network = new FakeNetwork();
		this.clock = new FakeClock(() => network.turn());
		this.network = network;
		this.peers = new Map();
		const host = {
			crypto,
			random,
			utf8,
			createByteMap: createByteMap.bind(this.host),
			process,
			clock: this.clock,
			timers: this.clock,
		};
		const made = new Broker(
			host,
			{ ...defaultBrokerSettings, ...broker },
			{
				enabled: (type) => type !== "debug",
				write: (type, text) => {
					if (type === "error") this.errors.push(text);
				},
			},
		);
		this.broker = made;
		if (authentication !== null) {
			made.authenticators.set(authentication.method, scriptedAuthenticator(authentication, utf8));
		}
		const settings = { ...defaultListenerSettings, port: PORT, allowAnonymous: true, ...listener };
		// It listens at once; the promise only hands out the listener.
		void this.network.listen({ address: "127.0.0.1", port: PORT }, (connection) =>
			made.accept(connection, settings),
		);
	}

	private peer(number: number): FakePeer {
		const peer = this.peers.get(number);
		if (peer === undefined) throw new Error(`no connection ${number}`);
		return peer;
	}
}

function octets(text: string): Uint8Array {
	const bytes = new Uint8Array(text.length >> 1);
	for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
	return bytes;
}

function hex(bytes: Uint8Array): string {
	let text = "";
	for (const octet of bytes) text += octet < 16 ? `0${octet.toString(16)}` : octet.toString(16);
	return text;
}
