/** Value types that only bridges have. */

import { fail } from "./error.ts";
import { type ValueType, type Written, wordsOf } from "./value.ts";

/** Another broker. */
export interface BridgeAddress {
	readonly host: string;
	readonly port: number;
}

const DEFAULT_PORT = 1883;

/** As atoi() of C: the digits that a word begins with, else 0. */
function leadingNumber(word: string): number {
	return Number(/^[+-]?[0-9]{1,9}/.exec(word)?.[0] ?? 0);
}

/** The part after the last colon is a port, so that an IPv6 address needs one. */
function addressOf(word: string): BridgeAddress {
	const colon = word.lastIndexOf(":");
	if (colon < 0) return { host: word, port: DEFAULT_PORT };
	const port = leadingNumber(word.slice(colon + 1));
	if (port < 1 || port > 65535) fail(`Error: Invalid bridge port value (${port}).`);
	return { host: word.slice(0, colon), port };
}

/** Words up to one that begins a comment. */
function wordsBeforeComment(rest: string): string[] {
	const words = wordsOf(rest);
	const comment = words.findIndex((word) => word.startsWith("#"));
	return comment < 0 ? words : words.slice(0, comment);
}

/** `HOST[:PORT]`, several separated by spaces. */
export const addresses: ValueType<readonly BridgeAddress[]> = {
	kind: "words",
	form: "a host and perhaps :PORT; several for a choice",
	parse({ rest }) {
		const found = wordsBeforeComment(rest).map(addressOf);
		return found.length === 0 ? fail("Error: Empty address value in configuration.") : found;
	},
};

/** What is shared with the other broker. */
export interface BridgeTopic {
	/** A topic filter; empty to map one local topic to one remote topic, which the prefixes then are. */
	readonly filter: string;
	readonly direction: "in" | "out" | "both";
	readonly qos: 0 | 1 | 2;
	readonly localPrefix: string;
	readonly remotePrefix: string;
}

/** A filter in quotation marks may have spaces; the rest of the line comes after it. `""` is an empty one. */
function splitFilter({ name, rest }: Written): { filter: string; words: string[] } {
	const line = rest.replace(/^ +/, "");
	if (line === "") fail(`Error: Empty '${name}' value in configuration.`);
	if (!line.startsWith('"')) {
		const [filter = "", ...words] = wordsOf(line);
		return { filter, words };
	}
	const end = line.indexOf('"', 1);
	if (end < 0) fail(`Error: Missing closing quote in ${name} value (${line.slice(1)}).`);
	return { filter: line.slice(1, end), words: wordsOf(line.slice(end + 1)) };
}

function prefixOf(word: string | undefined): string {
	return word === undefined || word === '""' ? "" : word;
}

/** `FILTER [in|out|both [QOS [LOCAL-PREFIX [REMOTE-PREFIX]]]]`. */
export const bridgeTopic: ValueType<BridgeTopic> = {
	kind: "words",
	form: "a topic filter, then perhaps in, out or both, a QoS, a local prefix, and a remote prefix",
	parse(written) {
		const { filter, words } = splitFilter(written);
		// A filter may begin with #; a word after it that does begins a comment.
		const comment = words.findIndex((word) => word.startsWith("#"));
		const [way = "out", level = "0", local, remote] = comment < 0 ? words : words.slice(0, comment);
		const direction = (["in", "out", "both"] as const).find((each) => each === way.toLowerCase());
		if (direction === undefined) fail(`Error: Invalid bridge topic direction '${way}'.`);
		const qos = ([0, 1, 2] as const).find((each) => each === leadingNumber(level));
		if (qos === undefined) fail(`Error: Invalid bridge QoS level '${level}'.`);
		return { filter, direction, qos, localPrefix: prefixOf(local), remotePrefix: prefixOf(remote) };
	},
};

/** Seconds until the next try: from `base` to `cap` with jitter, from `base` again after `stable` seconds of connection. */
export interface RestartTimeout {
	readonly base: number;
	readonly cap: number;
	readonly stable: number;
}

/** `SECONDS`, or `BASE CAP [STABLE]`. */
export const restartTimeout: ValueType<RestartTimeout> = {
	kind: "words",
	form: "seconds, or the least and the most of them and then perhaps those after which a connection is stable",
	parse({ name, rest, warn }) {
		const [first, second, third] = wordsOf(rest);
		if (first === undefined) return fail(`Error: Empty '${name}' value in configuration.`);
		let base = leadingNumber(first);
		if (base < 1) {
			warn?.("restart_timeout interval too low, using 1 second.");
			base = 1;
		} else if (base > 3600) {
			warn?.("restart_timeout interval too high, using 3600 seconds.");
			base = 3600;
		}
		if (second === undefined) return { base, cap: base, stable: 0 };
		let cap = leadingNumber(second);
		if (cap < base) fail("Error: backoff cap is lower than the base in restart_timeout.");
		if (cap > 7200) {
			warn?.("Warning: backoff cap too high, using 7200 seconds.");
			cap = 7200;
		}
		const stable = leadingNumber(third ?? "0");
		if (stable < 0) fail("Error: stable connection period cannot be negative.");
		return { base, cap, stable };
	},
};

/** Seconds idle before the first probe, seconds between probes, and probes without an answer. */
export interface TcpKeepalive {
	readonly idle: number;
	readonly interval: number;
	readonly counter: number;
}

/** `IDLE INTERVAL COUNTER`. */
export const tcpKeepalive: ValueType<TcpKeepalive> = {
	kind: "words",
	form: "three numbers from 1: seconds idle, seconds between probes, and probes",
	parse({ name, rest }) {
		const [idle, interval, counter] = wordsOf(rest);
		const positive = (word: string | undefined, part: string): number => {
			if (word === undefined) return fail(`Error: Empty '${name}_${part}' value in configuration.`);
			if (!/^[+-]?[0-9]{1,9}$/.test(word)) fail(`Error: '${name}_${part}' value not a number.`);
			return Number(word) > 0 ? Number(word) : fail(`Error: invalid TCP keepalive ${part} value.`);
		};
		return {
			idle: positive(idle, "idle"),
			interval: positive(interval, "interval"),
			counter: positive(counter, "counter"),
		};
	},
};
