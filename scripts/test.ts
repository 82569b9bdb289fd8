// Runs stages of the test suite one after another and ends with their totals.
//
//   node scripts/test.ts STAGE...
//
// A stage is a set of test files. A pattern that matches no file, a stage that runs no test, and a skipped test each
// count as a failure: what is silent must not look like success. The last line is `N passed, N failed`.

import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What a stage runs: patterns of test files, and how many files at once. */
interface Stage {
	readonly patterns: readonly string[];
	readonly concurrency: number;
}

/** Stages by name. Tests that measure or use the whole machine run one file at a time. */
const STAGES: Readonly<Record<string, Stage>> = {
	unit: { patterns: ["test/unit/**/*.test.ts"], concurrency: 2 },
	contract: { patterns: ["test/contract/*.test.ts"], concurrency: 1 },
	system: { patterns: ["test/system/*.test.ts"], concurrency: 1 },
};

/** No single test may take longer; one that hangs is ended and fails. Milliseconds. */
const TEST_TIMEOUT = 600_000;

/** What came of a stage. */
export interface Totals {
	readonly tests: number;
	readonly passed: number;
	/** Failed, cancelled, skipped or to do. */
	readonly failed: number;
	/** Milliseconds. */
	readonly duration: number;
	/** What the runner said of each failure, with its place and cause. */
	readonly failures: readonly string[];
}

/** Most lines that are repeated of one failure: its name, place and cause come first. */
const FAILURE_LINES = 30;

/** The points of a TAP report that failed, innermost first, each as the lines from `not ok` to the end of its details. */
export function readFailures(tap: string): string[] {
	const failures: string[] = [];
	const lines = tap.split("\n");
	lines.forEach((line, at) => {
		if (!/^ *not ok /.test(line)) return;
		const end = lines.findIndex((detail, index) => index > at && /^ *\.\.\.$/.test(detail));
		failures.push(lines.slice(at, end === -1 ? at + 1 : Math.min(end, at + FAILURE_LINES)).join("\n"));
	});
	return failures;
}

/** Reads the closing lines of Node's TAP reporter (`# pass 12`). Missing lines throw: the run did not end. */
export function readTotals(tap: string): Totals {
	const read = (name: string): number => {
		const match = tap.match(new RegExp(`^# ${name} ([0-9.]+)$`, "m"));
		if (match?.[1] === undefined) throw new Error(`the test runner's output has no line "# ${name}"`);
		return Number(match[1]);
	};
	const failed = read("fail") + read("cancelled") + read("skipped") + read("todo");
	return {
		tests: read("tests"),
		passed: read("pass"),
		failed,
		duration: read("duration_ms"),
		failures: readFailures(tap),
	};
}

/** Files of all patterns, sorted. Throws when a pattern matches none. */
export function findFiles(root: string, patterns: readonly string[]): string[] {
	const files = patterns.flatMap((pattern) => {
		const found = globSync(pattern, { cwd: root });
		if (found.length === 0) throw new Error(`no test file matches ${pattern}`);
		return found;
	});
	return [...new Set(files)].sort();
}

async function runStage(stage: Stage): Promise<Totals> {
	const files = findFiles(ROOT, stage.patterns);
	const folder = mkdtempSync(join(tmpdir(), "mqttd-test-"));
	try {
		const tap = join(folder, "tap");
		const code = await runNode([
			"--test",
			`--test-concurrency=${stage.concurrency}`,
			`--test-timeout=${TEST_TIMEOUT}`,
			"--test-reporter=spec",
			"--test-reporter-destination=stdout",
			"--test-reporter=tap",
			`--test-reporter-destination=${tap}`,
			...files,
		]);
		const totals = readTotals(readFileSync(tap, "utf8"));
		if (totals.tests === 0) throw new Error("no test ran");
		return code !== 0 && totals.failed === 0 ? { ...totals, failed: 1 } : totals;
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/** Runs the Node that runs this script, in the repository's root, and returns its exit code. */
function runNode(args: readonly string[]): Promise<number> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
		child.on("error", reject);
		child.on("exit", (code) => resolve(code ?? 1));
	});
}

async function main(names: readonly string[]): Promise<number> {
	const rows: string[] = [];
	const failures: string[] = [];
	let passed = 0;
	let failed = 0;
	for (const name of names) {
		const stage = STAGES[name];
		if (stage === undefined)
			throw new Error(`unknown stage "${name}"; known: ${Object.keys(STAGES).join(", ")}`);
		process.stdout.write(`\n== ${name}\n`);
		try {
			const totals = await runStage(stage);
			passed += totals.passed;
			failed += totals.failed;
			failures.push(...totals.failures);
			const seconds = (totals.duration / 1000).toFixed(1);
			rows.push(`${name}: ${totals.passed} passed, ${totals.failed} failed or skipped, ${seconds} s`);
		} catch (error) {
			failed++;
			rows.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
		}
	}
	// Again at the end, where one who sees only the last lines finds them.
	for (const failure of failures) process.stdout.write(`\n${failure}\n`);
	process.stdout.write(`\n${rows.join("\n")}\n\n${passed} passed, ${failed} failed\n`);
	return failed > 0 || passed === 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
