/** What keeps a command line from being carried out. */

/** It is wrong. `text` is printed as it is, with its line ends. */
export class UsageError extends Error {
	constructor(text: string) {
		super(text);
		this.name = "UsageError";
	}
}

/** It asks about the program. */
export class InformationRequest extends Error {
	readonly what: "usage" | "version";

	constructor(what: "usage" | "version") {
		super(what);
		this.name = "InformationRequest";
		this.what = what;
	}
}
