/** What is wrong with a configuration, in the words of mosquitto that scripts look for. */

/** Thrown for a configuration that cannot be used. `lines` is for the log: the error, then where it was found. */
export class ConfigError extends Error {
	readonly lines: readonly string[];

	constructor(lines: readonly string[]) {
		super(lines.join(" "));
		this.name = "ConfigError";
		this.lines = lines;
	}
}

/** Throws `text` (a sentence that begins with `Error: `); the reader adds file and line. */
export function fail(text: string): never {
	throw new ConfigError([text]);
}
