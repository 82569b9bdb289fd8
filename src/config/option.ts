/** One entry of the option table. Reader, defaults, checks and documentation all come from it. */

import type { GlobalConfig, ListenerConfig } from "./config.ts";
import type { ValueType } from "./value.ts";

/**
 * Where an option may stand and what it belongs to:
 * - `global`: the broker;
 * - `listener`: the listener before it, which must have been defined;
 * - `default-listener`: the listener before it, else the default listener on port 1883, which then comes to be;
 * - `security`: the broker, or with `per_listener_settings true` the listener before it, which must have been defined;
 * - `bridge`: the `connection` before it; - `plugin`: the `plugin` before it.
 */
export type Scope = "global" | "listener" | "default-listener" | "security" | "bridge" | "plugin";

export interface Option {
	/** Name in mosquitto.conf; a final `*` stands for any ending. */
	readonly name: string;
	/** Other names that mosquitto takes for it. */
	readonly aliases: readonly string[];
	readonly scope: Scope;
	readonly type: ValueType<unknown>;
	/** What holds when the option is not given; null for nothing. */
	readonly default: unknown;
	/**
	 * `honoured`; `ignored`: accepted without effect, which is logged once with `reason`; `refused`: an error with `reason`.
	 * Neither is said of an option that asks for what holds anyway (its default).
	 */
	readonly state: "honoured" | "ignored" | "refused";
	readonly reason: string;
	/** What is said whenever the option is used (that it is deprecated, what to use instead); null when nothing is. */
	readonly note: string | null;
	/** The field of GlobalConfig or ListenerConfig that takes the value; null when the reader does more than that. */
	readonly field: string | null;
	/** Whether a second value is an error (as with mosquitto's strings) instead of replacing the first. */
	readonly once: boolean;
	/** Whether each value is a list, and all of them count together. */
	readonly repeats: boolean;
	/** The option of a listener that is to be used in place of this one with `per_listener_settings`; null when there is none. */
	readonly ofListener: string | null;
	/** A value for the sample configuration, where the default is none or would show nothing; null otherwise. */
	readonly example: string | null;
	/** One line for manual, forms and README. */
	readonly doc: string;
}

/** Options that belong together. */
export interface OptionGroup {
	readonly title: string;
	/** The section of UCI that options of the broker stand in, where it is not `mqttd`; null for none at all. */
	readonly section?: "persistence" | null;
	readonly options: readonly Option[];
}

/** What few options have. */
export interface More {
	readonly aliases?: readonly string[];
	readonly note?: string;
	readonly once?: boolean;
	readonly repeats?: boolean;
	readonly ofListener?: string;
	readonly example?: string;
}

/** The note of an option that mosquitto calls deprecated. */
export function deprecated(name: string, advice: string): string {
	return `The '${name}' option is now deprecated and will be removed in version 3.0.${advice === "" ? "" : ` ${advice}`}`;
}

/** The fields of `S` that can take a `T`. */
type FieldFor<S, T> = { [K in keyof S]-?: [T] extends [S[K]] ? K : never }[keyof S] & string;

function make(entry: Partial<Option> & Pick<Option, "name" | "scope" | "type" | "doc">, more: More): Option {
	return {
		default: null,
		state: "honoured",
		reason: "",
		field: null,
		...entry,
		aliases: more.aliases ?? [],
		note: more.note ?? null,
		once: more.once ?? false,
		repeats: more.repeats ?? false,
		ofListener: more.ofListener ?? null,
		example: more.example ?? null,
	};
}

/** An option of the whole broker. */
export function ofBroker<T>(
	name: string,
	type: ValueType<T>,
	field: FieldFor<GlobalConfig, T>,
	byDefault: GlobalConfig[FieldFor<GlobalConfig, T>],
	doc: string,
	more: More = {},
): Option {
	return make({ name, type, scope: "global", field, default: byDefault, doc }, more);
}

/** An option of the broker, or of each listener with `per_listener_settings true`; null until it is given to a listener. */
export function ofSecurity<T>(
	name: string,
	type: ValueType<T>,
	field: FieldFor<GlobalConfig, T> & FieldFor<ListenerConfig, T>,
	byDefault: T | null,
	doc: string,
	more: More = {},
): Option {
	return make({ name, type, scope: "security", field, default: byDefault, doc }, more);
}

/** An option of a listener. */
export function ofListener<T>(
	name: string,
	scope: "listener" | "default-listener",
	type: ValueType<T>,
	field: FieldFor<ListenerConfig, T>,
	byDefault: ListenerConfig[FieldFor<ListenerConfig, T>],
	doc: string,
	more: More = {},
): Option {
	return make({ name, type, scope, field, default: byDefault, doc }, more);
}

/** An option that the reader itself acts on. */
export function ofReader(
	name: string,
	scope: Scope,
	type: ValueType<unknown>,
	doc: string,
	more: More = {},
): Option {
	return make({ name, type, scope, doc }, more);
}

/** An option that is accepted and has no effect. */
export function ignored<T>(
	name: string,
	scope: Scope,
	type: ValueType<T>,
	byDefault: T | null,
	reason: string,
	doc: string,
	more: More = {},
): Option {
	return make({ name, scope, type, default: byDefault, state: "ignored", reason, doc }, more);
}

/** An option that is refused, as running without it would not be what the owner asked for. */
export function refused<T>(
	name: string,
	scope: Scope,
	type: ValueType<T>,
	byDefault: T | null,
	reason: string,
	doc: string,
	more: More = {},
): Option {
	return make({ name, scope, type, default: byDefault, state: "refused", reason, doc }, more);
}
