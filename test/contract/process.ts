/** What a process can find out about itself; the rest of src/host/process.ts needs someone outside (modes.ts). */

import { equal, ok, type Tests, thrown, turn } from "./harness.ts";

export const processTests: Tests = {
	"process: facts": (host) => {
		const { process } = host;
		ok(["node", "quickjs"].includes(host.name), `name ${host.name}`);
		ok(process.argv.length === 1 && process.argv[0]!.length > 0, `argv ${process.argv.join()}`);
		ok(!process.argv[0]!.includes("/"), "without folder");
		ok(Number.isInteger(process.pid) && process.pid > 1, `pid ${process.pid}`);
		ok(Number.isInteger(process.uid) && process.uid >= 0, `uid ${process.uid}`);
		ok(process.hostname.length > 0, "hostname");
		equal(process.env("NO_SUCH_VARIABLE_ANYWHERE"), undefined, "env");
		equal(process.env(""), undefined, "env without a name");
	},

	"process: hostname and identity are those of the system": (host) => {
		const text = (path: string) => {
			const bytes = host.files.read(path, 100_000);
			return host.utf8.decodeLossy(bytes, 0, bytes.length);
		};
		equal(host.process.hostname, text("/proc/sys/kernel/hostname").trim(), "hostname");
		const uids = /^Uid:\s+\d+\s+(\d+)/m.exec(text("/proc/self/status"));
		equal(host.process.uid, Number(uids?.[1]), "effective user id");
	},

	"process: memory": (host) => {
		const before = host.process.memory();
		ok(Number.isInteger(before.current) && before.current > 500_000, `current ${before.current}`);
		ok(before.maximum >= before.current, `maximum ${before.maximum}`);
		const much = new Uint8Array(40_000_000).fill(1);
		const { current, maximum } = host.process.memory();
		ok(
			current > before.current + 30_000_000,
			`current ${before.current}, with ${much.length} more ${current}`,
		);
		ok(maximum >= current, `maximum ${maximum}`);
	},

	"process: heap, with what is kept and what is not": async (host) => {
		const { process } = host;
		// What the test before had has gone when its turn is over.
		await turn(host);
		const before = process.heap(true);
		ok(Number.isInteger(before) && before > 50_000, `at first ${before}`);
		let kept: unknown[] = [new Uint8Array(5_000_000)];
		const withArray = process.heap(true);
		// An engine may let go of other things of its own in between.
		ok(withArray >= before + 4_500_000, `from ${before} to ${withArray} with an array`);
		for (let i = 0; i < 20_000; i++) kept.push({ text: `text ${i}`, next: kept[i] });
		const withObjects = process.heap(true);
		ok(withObjects >= withArray + 500_000, `from ${withArray} to ${withObjects} with objects`);
		// Used once more, as what is not may go as soon as nobody needs it.
		equal(kept.length, 20_001, "kept until here");
		kept = [];
		const after = process.heap(true);
		ok(after < before + 400_000, `from ${before} to ${after} when they have gone`);
	},

	"process: writing nothing": (host) => {
		host.process.stdout.write(new Uint8Array(0));
		host.process.stderr.write(new Uint8Array(0));
	},

	"process: becoming a user that does not exist": (host) => {
		const error = thrown(() => host.process.becomeUser("no-such-user-at-all"));
		equal(error.code, "ENOENT", "code");
	},

	"syslog: opens or says why not, and never breaks the program": (host) => {
		equal(thrown(() => host.syslog.open("contract", "no-such-facility")).code, "EINVAL", "facility");
		try {
			host.syslog.open("contract", "daemon");
		} catch (error) {
			equal(typeof (error as { code?: unknown }).code, "string", "code");
			return;
		}
		host.syslog.write("debug", "one line\nand another %s");
	},
};
