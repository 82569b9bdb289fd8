/** What is measured, and what the figures are to be: the benchmark's two tables. */

import type { Attack } from "./attack.ts";

/** The brokers that are compared. `mosquitto` and `mosquitto-mips` are the yardsticks of the others. */
export type Host = "mosquitto" | "x86_64" | "node" | "mosquitto-mips" | "mips_24kc";

export interface Row {
	readonly name: string;
	/** Options of the load generator (see load.c). */
	readonly load: string;
	/** Messages of each publisher in a run, and in a quick run. */
	readonly messages: number;
	readonly quick: number;
	/** The other brokers' CPU time for a delivered message may be so many times mosquitto's. */
	readonly cpuRatio?: number;
	/** Lines of an ACL file, of which the last one allows the traffic. */
	readonly acl?: number;
}

/**
 * Rows for which the broker's CPU time is measured. A window is the number of messages that a publisher has under way
 * at most, to its slowest subscriber. The windows keep what is outstanding for any subscriber below the 1000 messages
 * beyond which mosquitto drops. Where messages are acknowledged, two windows fit into the 20 inflight messages: the
 * acknowledgements of one may still be under way when the next is delivered, and nothing needs to be queued.
 */
export const rows: readonly Row[] = [
	{ name: "1→1, one outstanding", load: "--window 1", messages: 40000, quick: 10000, cpuRatio: 1.2 },
	{ name: "1→1", load: "--window 64", messages: 100000, quick: 25000, cpuRatio: 1.2 },
	{
		name: "1→1, 32 a write",
		load: "--window 128 --batch 32",
		messages: 200000,
		quick: 50000,
		cpuRatio: 0.35,
	},
	{ name: "1→50", load: "--subscribers 50 --window 64", messages: 5000, quick: 1000, cpuRatio: 0.15 },
	{ name: "1→50, 8 outstanding", load: "--subscribers 50 --window 8", messages: 5000, quick: 1000 },
	{ name: "50→1", load: "--publishers 50 --window 16", messages: 2000, quick: 500, cpuRatio: 1.2 },
	...[0, 1, 2].map((qos) => ({
		name: `20→20 QoS ${qos}`,
		load: `--topology pairs --publishers 20 --subscribers 20 --window ${qos === 0 ? 16 : 8} --qos ${qos}`,
		messages: [5000, 3000, 1500][qos]!,
		quick: [1200, 800, 400][qos]!,
		cpuRatio: 1.2,
	})),
	{
		name: "1→1 MQTT 5",
		load: "--window 64 --version 5",
		messages: 100000,
		quick: 25000,
		cpuRatio: 1.2,
	},
	{
		name: "1→100 by `+`",
		load: "--topology plus --subscribers 100 --topics 10 --window 64",
		messages: 2000,
		quick: 500,
	},
	{ name: "1→1, ACL of 1000 lines", load: "--window 64", messages: 100000, quick: 25000, acl: 1000 },
	{ name: "500/s", load: "--rate 500 --window 100", messages: 2000, quick: 500 },
];

/** Rows of idle brokers: memory, and CPU time a second. */
export const idleRows: readonly Row[] = [
	{ name: "idle", load: "--publishers 0 --subscribers 0 --idle-ms 500", messages: 0, quick: 0 },
	{
		name: "idle, 1000 clients",
		load: "--publishers 0 --subscribers 0 --idle 1000 --idle-ms 5000",
		messages: 0,
		quick: 0,
	},
];

/** Rows for which instructions and system calls are counted. */
export const countedRows: readonly Row[] = [
	{ name: "1→1, one outstanding", load: "--window 1", messages: 4000, quick: 2000 },
	{ name: "1→1", load: "--window 64", messages: 8000, quick: 4000 },
	{ name: "1→1, ACL of 1000 lines", load: "--window 64", messages: 8000, quick: 4000, acl: 1000 },
	{ name: "1→1, 32 a write", load: "--window 128 --batch 32", messages: 16000, quick: 8000 },
	{ name: "1→50", load: "--subscribers 50 --window 64", messages: 1000, quick: 500 },
	{ name: "50→1", load: "--publishers 50 --window 16", messages: 200, quick: 100 },
	{
		name: "20→20 QoS 1",
		load: "--topology pairs --publishers 20 --subscribers 20 --window 8 --qos 1",
		messages: 500,
		quick: 250,
	},
];

/** A row in which a normal client's messages are timed, in turns without and with others that attack the broker. */
export interface AttackRow extends Row {
	readonly attack: Attack;
	/** How many do: connections, a second, or at once; see attack.ts. */
	readonly number: number;
	/** The 99th percentile of the latency may be so many times that without an attack. */
	readonly p99Ratio?: number;
}

/** A window of four seconds, or of one. */
const PACED = { load: "--rate 1000 --window 100", messages: 4000, quick: 1000 };

export const attackRows: readonly AttackRow[] = [
	{ ...PACED, name: "attack: 1000 slow TLS handshakes", attack: "tls handshakes", number: 1000, p99Ratio: 2 },
	{ ...PACED, name: "attack: 1000 slow HTTP heads", attack: "http heads", number: 1000, p99Ratio: 2 },
	{ ...PACED, name: "attack: 1000 slow PROXY headers", attack: "proxy headers", number: 1000, p99Ratio: 2 },
	{ ...PACED, name: "attack: 1000 slow CONNECTs", attack: "connects", number: 1000, p99Ratio: 2 },
	{ ...PACED, name: "attack: 100 wrong logins a second", attack: "wrong logins", number: 100, p99Ratio: 2 },
	// For what it costs: each is a key operation of the processor that all share.
	{ ...PACED, name: "attack: TLS handshakes, 4 at once", attack: "tls storm", number: 4 },
];

/** Limits of single figures, beside the CPU ratios above. */
export const limits = {
	/** Resident memory of the x86_64 binary without a client, in KiB. */
	idleRss: 6 * 1024,
	/** Size of the MIPS binary with TLS, in bytes; limits of the packages, with TLS and without, are in ipk.test.ts. */
	mipsSize: 1_600_000,
	/** MIPS: instructions for a message, as a multiple of mosquitto's, in these rows. */
	instructionRatio: 1.3,
	instructionRows: ["1→1, one outstanding", "1→1"],
	/** MIPS: system calls for a message, in these rows. */
	syscalls: 0.3,
	syscallRows: ["1→1", "1→1, 32 a write"],
	/** What an ACL may add: the row with one as a multiple of the row without, of the same broker. */
	aclRatio: 1.15,
	aclRows: ["1→1, ACL of 1000 lines", "1→1"],
} as const;
