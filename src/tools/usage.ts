/** The text of `--help`, made from the option table. */

import type { OptionDefinition } from "./option.ts";
import { OPTIONS } from "./option-table.ts";
import type { Program } from "./settings.ts";

const HEADS: Readonly<Record<Program, { purpose: string; synopsis: string[] }>> = {
	mosquitto_ctrl: {
		purpose: "administers an MQTT broker while it runs.",
		synopsis: ["[options] <module> <command> [arguments]", "<module> help", "--help"],
	},
	mosquitto_pub: {
		purpose: "publishes a message to a topic of an MQTT broker, and exits.",
		synopsis: ["[options] {-t topic | -L URL} {-f file | -l | -m message | -n | -s}", "--help"],
	},
	mosquitto_sub: {
		purpose: "subscribes to topics of an MQTT broker, and prints the messages that arrive.",
		synopsis: ["[options] {-t topic... | -U topic... | -L URL}", "--help"],
	},
};
const WIDTH = 96;
const INDENT = "      ";

/** `mosquitto_pub version 1.2.3 …`, without an end of line. */
export function versionLine(program: Program, version: string): string {
	return `${program} version ${version} running on mqttd ${version}.`;
}

/** Several lines, each with its end. */
export function usageText(
	program: Program,
	version: string,
	options: readonly OptionDefinition[] = OPTIONS.filter(({ programs }) => programs.includes(program)),
): string {
	const head = HEADS[program];
	const lines = [`${program} ${head.purpose}`, versionLine(program, version), ""];
	head.synopsis.forEach((synopsis, index) => {
		lines.push(`${index === 0 ? "Usage:" : "      "} ${program} ${synopsis}`);
	});
	lines.push("");
	for (const option of options) {
		if (option.help === null) continue;
		const value = option.value === "" ? "" : ` ${option.value}`;
		lines.push(` ${option.names.join(", ")}${value}`, ...wrap(option.help));
	}
	return `${lines.join("\n")}\n`;
}

function wrap(text: string): string[] {
	const lines: string[] = [];
	let line = INDENT;
	for (const word of text.split(" ")) {
		if (line !== INDENT && line.length + word.length >= WIDTH) {
			lines.push(line);
			line = INDENT;
		}
		line += line === INDENT ? word : ` ${word}`;
	}
	lines.push(line);
	return lines;
}
