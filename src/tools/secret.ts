/** Lines that are typed unseen. */

import type { Host } from "../host/host.ts";
import type { Terminal } from "./program.ts";

/** Octets of standard input that are looked at. */
const MAXIMUM = 200_000;

/**
 * Asks for a line after each prompt; fewer come when standard input ends before. Who interrupts the program ends it; after
 * the last line, `interrupted` is called instead.
 */
export function readSecret(
	host: Host,
	terminal: Pick<Terminal, "err">,
	prompts: readonly string[],
	interrupted: () => void = () => host.process.exit(1),
): Promise<string[]> {
	return new Promise((resolve) => {
		const lines: string[] = [];
		let input = new Uint8Array(0);
		let isOver = false;
		const end = () => {
			isOver = true;
			host.process.echo(true);
			reading.pause(true);
			resolve(lines);
		};
		const take = (bytes: Uint8Array) => {
			const joined = new Uint8Array(input.length + bytes.length);
			joined.set(input);
			joined.set(bytes, input.length);
			input = joined;
			for (let at = input.indexOf(10); at >= 0 && lines.length < prompts.length; at = input.indexOf(10)) {
				lines.push(host.utf8.decodeLossy(input, 0, at).replace(/\r$/, ""));
				input = input.slice(at + 1);
				terminal.err("\n");
				if (lines.length < prompts.length) terminal.err(prompts[lines.length] ?? "");
			}
			if (lines.length === prompts.length || input.length > MAXIMUM) end();
		};
		// Interrupted, the terminal must not stay as it is.
		host.process.onSignal("SIGINT", () => {
			if (isOver) {
				interrupted();
				return;
			}
			host.process.echo(true);
			terminal.err("\n");
			host.process.exit(1);
		});
		host.process.echo(false);
		terminal.err(prompts[0] ?? "");
		const reading = host.process.readStdin(take, end);
	});
}
