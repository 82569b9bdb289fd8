/** What is wrong with a configuration, in the words of mosquitto that scripts look for. */

/** Thrown for a configuration that cannot be used. */
export class ConfigError extends Error {
	/** For the log: the error, where it was found, and last, where that helps, what is expected. */
	readonly lines: readonly string[];
	/** What is expected, while the places are still being added; null when that is not to be said. */
	readonly expected: string | null;

	constructor(lines: readonly string[], expected: string | null = null) {
		super(lines.join(" "));
		this.name = "ConfigError";
		this.lines = lines;
		this.expected = expected;
	}
}

/** Throws `text` (a sentence that begins with `Error: `); the reader adds file and line. */
export function fail(text: string): never {
	throw new ConfigError([text]);
}
