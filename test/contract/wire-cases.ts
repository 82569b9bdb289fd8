/** Every wire case of the broker on a host: its engine, texts and maps, over a fake network and clock. */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import {
	byOctet,
	readThemes,
	runCase,
	type WireBroker,
	type WireCase,
	type WirePeer,
} from "../vectors/wire.ts";
import { type Program, type Run, start } from "./programs.ts";
import type { WireCommand, WireResult } from "./wire.ts";

/** Registers the tests of one host. Its program has been built before they run. */
export function wireCases(program: Program): void {
	// A suite of its own, which ends before that of the host ends what is left.
	suite("wire cases", () => register(program));
}

function register(program: Program): void {
	let stage: RemoteStage | null = null;
	let passed = 0;
	const themes = readThemes();
	before(() => {
		stage = new RemoteStage(start(program, ["wire"]));
	});
	after(async () => {
		const count = themes.reduce((sum, { cases }) => sum + cases.length, 0);
		assert.equal(passed, count, "wire cases that passed");
		await stage?.end();
	});
	for (const { theme, cases } of themes) {
		for (const wireCase of cases) {
			test(`wire case: ${theme}: ${wireCase.name}`, async () => {
				assert.ok(stage !== null);
				for (const version of wireCase.versions) {
					for (const octetByOctet of [false, true]) {
						try {
							await stage.begin(wireCase, octetByOctet);
							await runCase(stage, wireCase, version);
						} catch (error) {
							const way = octetByOctet ? ", octet by octet" : "";
							throw new Error(`level ${version}${way}: ${(error as Error).message}`, { cause: error });
						}
					}
				}
				passed++;
			});
		}
	}
}

/** The broker in another program. */
class RemoteStage implements WireBroker {
	readonly immediate = true;
	private readonly run: Run;
	private octetByOctet = false;
	private connections = 0;
	/** What has arrived, by connection, as hexadecimal octets. */
	private arrived = new Map<number, string>();
	private closed: readonly number[] = [];
	private held = "";
	private answered: ((line: string) => void) | null = null;
	private failed: ((error: Error) => void) | null = null;
	private over: Error | null = null;

	constructor(run: Run) {
		this.run = run;
		run.child.stdout?.on("data", (bytes: Buffer) => {
			this.held += bytes.toString("latin1");
			const end = this.held.indexOf("\n");
			if (end < 0) return;
			const line = this.held.slice(0, end);
			this.held = this.held.slice(end + 1);
			this.answered?.(line);
		});
		run.ended.then(({ end, stderr }) => {
			this.over = new Error(`the program ended with ${end}: ${stderr}`);
			this.failed?.(this.over);
		});
	}

	/** A new broker, with the settings of the case. */
	async begin(
		{ broker = {}, listener = {}, authentication }: WireCase,
		octetByOctet: boolean,
	): Promise<void> {
		this.octetByOctet = octetByOctet;
		this.arrived = new Map();
		await this.command({ start: { broker, listener, authentication: authentication ?? null } });
	}

	async open(): Promise<WirePeer> {
		const number = this.connections++;
		await this.command({ open: number });
		return {
			send: (bytes) => {
				const pieces = this.octetByOctet ? byOctet(bytes) : [bytes];
				return this.command({
					send: number,
					pieces: pieces.map((piece) => Buffer.from(piece).toString("hex")),
				});
			},
			receive: async () => {
				const hex = this.arrived.get(number);
				this.arrived.delete(number);
				if (hex !== undefined) return Buffer.from(hex, "hex");
				assert.ok(this.closed.includes(number), "nothing came");
				return null;
			},
			drop: () => this.command({ drop: number }),
		};
	}

	advance(seconds: number): Promise<void> {
		return this.command({ advance: seconds });
	}

	stop(): Promise<void> {
		return this.command({ stop: true });
	}

	async end(): Promise<void> {
		this.run.child.stdin?.end();
		const { end, stderr } = await this.run.ended;
		assert.deepEqual({ end, stderr: stderr.toString() }, { end: 0, stderr: "" });
	}

	private async command(command: WireCommand): Promise<void> {
		if (this.over !== null) throw this.over;
		const answer = new Promise<string>((resolve, reject) => {
			this.answered = resolve;
			this.failed = reject;
		});
		this.run.child.stdin?.write(`${JSON.stringify(command).replace(/[^ -~]/g, escaped)}\n`);
		const { output, closed, errors } = JSON.parse(await answer) as WireResult;
		for (const [number, hex] of Object.entries(output)) {
			this.arrived.set(Number(number), (this.arrived.get(Number(number)) ?? "") + hex);
		}
		this.closed = closed;
		assert.deepEqual(errors, [], "no internal error is logged");
	}
}

/** A character as ASCII in JSON. */
function escaped(character: string): string {
	return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
