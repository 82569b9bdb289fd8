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

/** Of IPv6 the first 64 bits, which is what a household gets; as far as they are spelled out. */
function networkOf(address: string): string {
	if (!address.includes(":")) return address;
	return address.split("::")[0]!.split(":").slice(0, 4).join(":");
}
