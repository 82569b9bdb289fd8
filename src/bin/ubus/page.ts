/** Pages of lists: how much of a list an answer has, so that none is longer than what ubus carries. */

import type { Utf8 } from "../../host/host.ts";
import type { UbusInput, UbusInputTable, UbusTable } from "../../ubus/value.ts";
import { integerOf, textOf } from "./arguments.ts";
import { DEFAULT_LIMIT, MAXIMUM_LIMIT } from "./interface.ts";

/** Octets after which a page ends; one entry is at most as long again. */
const PAGE_OCTETS = 524_288;
/** What a value takes besides its text and its name. */
const VALUE_OCTETS = 16;

/** What a value comes to on the bus, at most. */
export function octetsOf(utf8: Pick<Utf8, "byteLength">, value: UbusInput): number {
	if (typeof value === "string") return VALUE_OCTETS + utf8.byteLength(value);
	if (typeof value !== "object" || value === null) return VALUE_OCTETS;
	let octets = VALUE_OCTETS;
	if (Array.isArray(value)) {
		for (const element of value as readonly UbusInput[]) octets += octetsOf(utf8, element);
		return octets;
	}
	for (const [name, inner] of Object.entries(value as UbusInputTable)) {
		octets += name.length + octetsOf(utf8, inner);
	}
	return octets;
}

export class Page {
	readonly entries: UbusInputTable[] = [];
	private readonly utf8: Pick<Utf8, "byteLength">;
	private readonly offset: number;
	private readonly limit: number;
	private total = 0;
	private octets = 0;
	private next: number | null = null;

	/** The page that a call asks for. Throws an UbusError. */
	constructor(utf8: Pick<Utf8, "byteLength">, args: UbusTable) {
		this.utf8 = utf8;
		this.offset = integerOf(args, "offset", 0, 0x7fff_ffff, 0);
		this.limit = integerOf(args, "limit", 1, MAXIMUM_LIMIT, DEFAULT_LIMIT);
	}

	/** A further entry of the list; made only when it is on the page. */
	offer(make: () => UbusInputTable): void {
		const index = this.total++;
		if (index < this.offset) return;
		if (this.isFull) {
			this.next ??= index;
			return;
		}
		const entry = make();
		this.octets += octetsOf(this.utf8, entry);
		this.entries.push(entry);
	}

	/** Counts further entries without looking at them, if none of them is on the page. */
	pass(count: number): boolean {
		if (this.total + count > this.offset && !this.isFull) return false;
		if (this.total + count > this.offset) this.next ??= Math.max(this.total, this.offset);
		this.total += count;
		return true;
	}

	/** The answer, with the entries under `name`. */
	result(name: string): UbusInputTable {
		const { total, offset, next, entries } = this;
		return { total, offset, ...(next === null ? {} : { next }), [name]: entries };
	}

	private get isFull(): boolean {
		return this.entries.length >= this.limit || this.octets > PAGE_OCTETS;
	}
}

/** Tells whether one of some texts has what is searched for, whatever the case of letters. */
export function searchOf(args: UbusTable): (...texts: (string | null)[]) => boolean {
	const wanted = textOf(args, "search")?.toLowerCase() ?? "";
	if (wanted === "") return () => true;
	return (...texts) => texts.some((text) => text?.toLowerCase().includes(wanted));
}
