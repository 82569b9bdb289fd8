/** A failure to start, for the log. */

export class StartError extends Error {
	readonly lines: readonly string[];

	constructor(lines: readonly string[], cause?: unknown) {
		super(lines.join(" "), { cause });
		this.name = "StartError";
		this.lines = lines;
	}
}
