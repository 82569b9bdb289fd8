/** Slows down who guesses passwords: after some failures an address is not listened to for a while, ever longer. */

import type { Log } from "../host/host.ts";

/** Failures that cost nothing: people mistype. */
const FREE_FAILURES = 5;
/** Seconds of the longest block, and after which failures are forgotten. */
const LONGEST_BLOCK = 300;
const MEMORY = 900;
/** Addresses remembered; beyond, the oldest is forgotten. */
const MAXIMUM_ADDRESSES = 1024;

interface Failures {
	count: number;
	/** Second up to which logins are refused unseen. */
	blockedUntil: number;
	last: number;
}

export class LoginGuard {
	private readonly log: Log;
	/** By network; who failed last comes last. */
	private readonly failures = new Map<string, Failures>();

	constructor(log: Log) {
		this.log = log;
	}

	isBlocked(address: string, now: number): boolean {
		if (this.failures.size === 0) return false;
		const known = this.failures.get(networkOf(address));
		return known !== undefined && now < known.blockedUntil;
	}

	failed(address: string, now: number): void {
		// Everybody on this machine, and behind a proxy on it, has the same address.
		if (isLocal(address)) return;
		const network = networkOf(address);
		let known = this.failures.get(network);
		this.failures.delete(network);
		if (known === undefined || now - known.last > MEMORY) known = { count: 0, blockedUntil: 0, last: now };
		known.count++;
		known.last = now;
		if (this.failures.size >= MAXIMUM_ADDRESSES) {
			for (const oldest of this.failures.keys()) {
				this.failures.delete(oldest);
				break;
			}
		}
		this.failures.set(network, known);
		if (known.count < FREE_FAILURES) return;
		const seconds = Math.min(2 ** (known.count - FREE_FAILURES), LONGEST_BLOCK);
		known.blockedUntil = now + seconds;
		this.log.write(
			"warning",
			`Warning: ${known.count} failed logins from ${address}: further ones are refused for ${seconds} s.`,
		);
	}

	succeeded(address: string): void {
		this.failures.delete(networkOf(address));
	}
}

function isLocal(address: string): boolean {
	return address === "" || address === "::1" || address.startsWith("127.");
}

/**
 * What an address is known by: of IPv6 its first 64 bits, which is what a household gets; but wholly on a link (RFC 4291, section
 * 2.5.6), behind a translator (RFC 6052), and where it is one of IPv4.
 */
function networkOf(address: string): string {
	if (!address.includes(":")) return address;
	const network = firstGroups(address);
	const isShared = /^(fe[89ab].:|0:0:0:0$|64:ff9b:)/.test(network);
	return isShared ? address : network;
}

/** The first four groups of an IPv6 address, none left out. */
function firstGroups(address: string): string {
	const [before = "", after = ""] = address.split("::");
	const first = before === "" ? [] : before.split(":");
	const last = after === "" ? [] : after.split(":");
	// An IPv4 address at the end is two groups; there is none of so few that it would matter.
	while (first.length + last.length < 8 && first.length < 4) first.push("0");
	return [...first, ...last].slice(0, 4).join(":");
}
