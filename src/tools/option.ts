/** The kinds of options that the option table is made of. */

import type { MessageSource, Program, Settings } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

export interface OptionDefinition {
	/** The short name first, where there is one. */
	readonly names: readonly string[];
	readonly programs: readonly Program[];
	/** What follows the name in the usage text; empty for a switch. */
	readonly value: string;
	/** For the usage text. Null: not shown there. */
	readonly help: string | null;
	/**
	 * Takes what follows the name (all remaining arguments) and returns how many of them belong to the option.
	 * Throws a UsageError.
	 */
	read(settings: Settings, args: readonly string[], context: OptionContext): number;
}

/** What reading options needs of the platform. */
export interface OptionContext {
	encode(text: string): Uint8Array;
}

export const BOTH: readonly Program[] = ["mosquitto_pub", "mosquitto_sub"];
export const PUB: readonly Program[] = ["mosquitto_pub"];
export const SUB: readonly Program[] = ["mosquitto_sub"];

/** An option that is there or not. */
export function flag(
	names: readonly string[],
	programs: readonly Program[],
	help: string,
	set: (settings: Settings) => void,
): OptionDefinition {
	return {
		names,
		programs,
		value: "",
		help,
		read(settings) {
			set(settings);
			return 0;
		},
	};
}

/**
 * An option with one value. `noun` is what the error for a missing value says, and `label` the option's name in
 * it (the first one by default).
 */
export function valued(
	names: readonly string[],
	programs: readonly Program[],
	value: string,
	noun: string,
	help: string,
	set: (settings: Settings, value: string) => void,
	label = names[0],
): OptionDefinition {
	return {
		names,
		programs,
		value,
		help,
		read(settings, args) {
			const [text] = args;
			if (text === undefined) {
				throw new UsageError(`Error: ${label} argument given but ${noun}.\n\n`);
			}
			set(settings, text);
			return 1;
		},
	};
}

/** An option of mosquitto's that cannot be honoured here: refused by name, never passed over. */
export function refused(names: readonly string[], reason: string): OptionDefinition {
	return {
		names,
		programs: BOTH,
		value: "",
		help: null,
		read() {
			throw new UsageError(`Error: The option ${names[0]} is not supported: ${reason}.\n\n`);
		},
	};
}

/** The message options exclude one another, which is checked before a missing value. */
export function messageOption(definition: OptionDefinition): OptionDefinition {
	return {
		...definition,
		read(settings, args, context) {
			if (settings.message !== null) {
				throw new UsageError("Error: Only one type of message can be sent at once.\n\n");
			}
			return definition.read(settings, args, context);
		},
	};
}

export function setMessage(settings: Settings, message: MessageSource): void {
	settings.message = message;
}
