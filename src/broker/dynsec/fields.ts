/**
 * Members of a JSON object that somebody else wrote. As in mosquitto, the case of letters in their names does not
 * matter, and a number that is no whole one is cut off.
 */

import { hasUnwanted } from "../../packet/packet.ts";
import { member } from "../control.ts";
import { limitedPriority } from "./model.ts";

/** Why a command is not carried out: its text is the answer. */
export class CommandError extends Error {}

export function refuse(text: string): never {
	throw new CommandError(text);
}

export function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A lone half of a surrogate pair, which no UTF-8 has. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** How the names of what commands are about are called in answers. */
const NAMES = {
	username: "Username",
	groupname: "Group name",
	rolename: "Role name",
} as const;

export class Fields {
	private readonly object: Readonly<Record<string, unknown>>;

	constructor(object: Readonly<Record<string, unknown>>) {
		this.object = object;
	}

	/** Undefined when there is none. */
	get(name: string): unknown {
		return member(this.object, name);
	}

	/** A text; undefined when there is none, or something else. */
	text(name: string): string | undefined {
		const value = this.get(name);
		return typeof value === "string" ? value : undefined;
	}

	required(name: string, otherwise: string): string {
		return this.text(name) ?? refuse(otherwise);
	}

	/** A text that need not be there; anything else is refused. */
	optional(name: string, otherwise: string): string | null {
		const value = this.get(name);
		if (value === undefined) return null;
		return typeof value === "string" ? value : refuse(otherwise);
	}

	/** What the command is about. */
	name(field: keyof typeof NAMES): string {
		const name = this.required(field, `Invalid/missing ${field}`);
		requireText(name, `${NAMES[field]} not valid UTF-8`);
		return name;
	}

	/** The name of something new. */
	newName(field: keyof typeof NAMES): string {
		if (this.text(field) === "") refuse(`Empty ${field}`);
		return this.name(field);
	}

	/** A whole number that can be counted on from: what is beyond (`1e999` is Infinity) becomes the nearest such. */
	number(name: string, otherwise: number): number {
		const value = this.get(name);
		if (typeof value !== "number") return otherwise;
		return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.trunc(value)));
	}

	priority(otherwise: number): number {
		return limitedPriority(this.number("priority", otherwise));
	}

	/** Undefined when it is neither true nor false. */
	flag(name: string): boolean | undefined {
		const value = this.get(name);
		return typeof value === "boolean" ? value : undefined;
	}

	/** The objects in a list; undefined when there is no list. */
	list(name: string): Fields[] | undefined {
		const value = this.get(name);
		if (!Array.isArray(value)) return undefined;
		return value.filter(isObject).map((each) => new Fields(each));
	}
}

/** Refuses what no MQTT packet could carry. */
export function requireText(text: string, otherwise: string): void {
	if (LONE_SURROGATE.test(text) || hasUnwanted(text)) refuse(otherwise);
}
