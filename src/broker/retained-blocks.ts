/**
 * Records in a few large blocks of octets: what an interpreter takes for an object is several times what a small retained
 * message has. `store/packed-retained.ts` says what is in a record.
 */

import { capacityOf, isDead, markDead } from "../store/packed-retained.ts";

/** Octets of a block that records are put into, one after the other; a record above a quarter of it has a block of its own. */
const BLOCK = 16_384;
/** An address is the number of its block times this, and the position in it. */
const UNIT = 1_048_576;
/** Room for records comes in multiples of this, so that a value that grows by a digit may stay where it is. */
const GRAIN = 8;

/** No address. */
export const NOWHERE = -1;

interface Block {
	readonly bytes: Uint8Array;
	/** Where the next record goes. */
	used: number;
	/** Octets of records that are dead. */
	dead: number;
}

export class Blocks {
	/** Null: a number that is free. */
	private readonly blocks: (Block | null)[] = [];
	private readonly free: number[] = [];
	/** Number of the block that is being filled; NOWHERE is none. */
	private filling = NOWHERE;
	/** Numbers of blocks of which half is dead, or was not when they were filled. */
	private untidy: number[] = [];
	/** Told of each record that is to go elsewhere; it puts it there. */
	private readonly move: (from: number) => void;

	constructor(move: (from: number) => void) {
		this.move = move;
	}

	/** The octets among which the record at an address is, which begins at `positionOf(address)`. */
	bytesOf(address: number): Uint8Array {
		return this.blocks[Math.floor(address / UNIT)]!.bytes;
	}

	/** The address of `roomFor(length)` octets. */
	take(length: number): number {
		const room = roomFor(length);
		if (room > BLOCK / 4) return UNIT * this.add({ bytes: new Uint8Array(room), used: room, dead: 0 });
		let block = this.filling === NOWHERE ? null : this.blocks[this.filling]!;
		if (block === null || block.used + room > BLOCK) {
			if (block !== null) this.untidy.push(this.filling);
			block = { bytes: new Uint8Array(BLOCK), used: 0, dead: 0 };
			this.filling = this.add(block);
		}
		const address = UNIT * this.filling + block.used;
		block.used += room;
		return address;
	}

	/** Takes over octets that are records, each of which begins within the first MiB; returns the address of the first. */
	adopt(bytes: Uint8Array): number {
		return UNIT * this.add({ bytes, used: bytes.length, dead: 0 });
	}

	/** The record is no more. */
	drop(address: number): void {
		const number = Math.floor(address / UNIT);
		const block = this.blocks[number]!;
		const at = positionOf(address);
		markDead(block.bytes, at);
		block.dead += capacityOf(block.bytes, at);
		if (2 * block.dead >= block.used) this.untidy.push(number);
	}

	/** Has what is left of blocks of which half is dead go elsewhere: addresses change. To be called when nobody relies on one. */
	tidy(): void {
		for (let number = this.untidy.pop(); number !== undefined; number = this.untidy.pop()) {
			const block = this.blocks[number];
			if (block === undefined || block === null || number === this.filling || 2 * block.dead < block.used)
				continue;
			const { bytes, used } = block;
			for (let at = 0; block.dead < used && at < used; at += capacityOf(bytes, at)) {
				if (!isDead(bytes, at)) this.move(UNIT * number + at);
			}
			this.blocks[number] = null;
			this.free.push(number);
		}
	}

	private add(block: Block): number {
		const number = this.free.pop() ?? this.blocks.length;
		this.blocks[number] = block;
		return number;
	}
}

/** Octets that a record of `length` gets. */
export function roomFor(length: number): number {
	return Math.ceil(length / GRAIN) * GRAIN;
}

/** Where a record begins among the octets of its block. */
export function positionOf(address: number): number {
	return address % UNIT;
}
