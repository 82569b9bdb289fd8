/** `log`: the last lines of the log. */

import type { Work } from "../../broker/work.ts";
import { LOG_TYPES, wordsOf } from "../../config/value.ts";
import type { LogType } from "../../host/log.ts";
import type { UbusInputTable, UbusTable } from "../../ubus/value.ts";
import type { LogLine } from "../log-ring.ts";
import { integerOf, textOf, wrong } from "./arguments.ts";
import { DEFAULT_LIMIT, MAXIMUM_LIMIT } from "./interface.ts";
import type { Program } from "./program.ts";

export function* log({ lines }: Program, args: UbusTable): Work<UbusInputTable> {
	const { oldest, last } = lines;
	const since = integerOf(args, "since", 0, Number.MAX_SAFE_INTEGER, 0);
	const limit = integerOf(args, "limit", 1, MAXIMUM_LIMIT, DEFAULT_LIMIT);
	const types = typesOf(args);
	// A number beyond the last one is of a broker that ran before this one.
	const isFresh = since === 0 || since > last;
	const from = isFresh ? oldest : Math.max(since + 1, oldest);
	const found: UbusInputTable[] = [];
	for (let number = last; number >= from && found.length < limit; number--) {
		yield;
		const line = lines.line(number);
		if (line !== null && types.has(line.type)) found.push(lineTable(line));
	}
	const lost = since > last || (!isFresh && since + 1 < oldest);
	return { last, ...(lost ? { lost } : {}), lines: found.reverse() };
}

function typesOf(args: UbusTable): ReadonlySet<LogType> {
	const words = wordsOf(textOf(args, "type") ?? "");
	if (words.length === 0) return new Set(LOG_TYPES);
	return new Set(
		words.map((word) => LOG_TYPES.find((type) => type === word) ?? wrong("type", `no type ${word}`)),
	);
}

function lineTable({ number, time, type, text }: LogLine): UbusInputTable {
	return { number, time: Math.floor(time / 1000), type, text };
}
