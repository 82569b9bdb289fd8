/** The contract of src/host/files.ts. */

import type { Host } from "../../src/host/host.ts";
import { equal, ok, pattern, scratch, type Tests, thrown } from "./harness.ts";

/** Runs `use` with a path for a file, which is removed afterwards. */
function withFile(host: Host, use: (path: string) => void): void {
	const path = scratch(host, "file");
	try {
		use(path);
	} finally {
		if (host.files.info(path) !== null) {
			host.files.remove(path);
		}
	}
}

export const filesTests: Tests = {
	"files: write and read": (host) => {
		withFile(host, (path) => {
			const bytes = pattern(200_000);
			host.files.write(path, bytes);
			equal(host.files.read(path, 200_000), bytes, "content");
			host.files.write(path, Uint8Array.of(0, 255, 10));
			equal(host.files.read(path, 3), Uint8Array.of(0, 255, 10), "replaced");
			host.files.write(path, new Uint8Array(0));
			equal(host.files.read(path, 0).length, 0, "empty");
			host.files.write(path, bytes.subarray(100, 110));
			equal(host.files.read(path, 1000), bytes.slice(100, 110), "a part of an array");
			const read = host.files.read(path, 1000);
			ok(read.slice().buffer !== read.buffer, "a plain Uint8Array, whose slice copies");
		});
	},

	"files: a file over the limit is EFBIG": (host) => {
		withFile(host, (path) => {
			host.files.write(path, new Uint8Array(1001));
			const error = thrown(() => host.files.read(path, 1000));
			equal(error.code, "EFBIG", "code");
			equal(error.message, "File too large", "message");
			equal(host.files.read(path, 1001).length, 1001, "exactly the limit");
		});
	},

	"files: a file without a size is read, up to the limit": (host) => {
		const status = host.files.read("/proc/self/status", 100_000);
		ok(status.length > 10, "content");
		equal(host.files.read("/proc/self/status", 100_000).subarray(0, 5), status.subarray(0, 5), "again");
		equal(thrown(() => host.files.read("/proc/self/status", 5)).code, "EFBIG", "over the limit");
		equal(thrown(() => host.files.read("/dev/zero", 100_000)).code, "EFBIG", "without end");
		equal(host.files.read("/dev/null", 10).length, 0, "/dev/null");
	},

	"files: a part of a file": (host) => {
		withFile(host, (path) => {
			const bytes = pattern(200_000);
			host.files.write(path, bytes);
			const part = (position: number, length: number) => host.files.readPart(path, position, length);
			equal(part(0, 10), bytes.slice(0, 10), "its beginning");
			equal(part(70_000, 100_000), bytes.slice(70_000, 170_000), "its middle");
			equal(part(199_990, 100), bytes.slice(199_990), "its end");
			equal(part(199_990, 2 ** 40), bytes.slice(199_990), "more than there is");
			equal(part(200_000, 10).length, 0, "behind its end");
			equal(part(2 ** 40, 10).length, 0, "far behind its end");
			equal(part(10, 0).length, 0, "nothing");
			equal(thrown(() => host.files.readPart(`${path}.no`, 0, 1)).code, "ENOENT", "no file");
			equal(thrown(() => host.files.readPart("/proc", 0, 1)).code, "EISDIR", "a folder");
		});
	},

	"files: replace": (host) => {
		withFile(host, (path) => {
			host.files.replace(path, Uint8Array.of(1, 2));
			equal(host.files.read(path, 10), Uint8Array.of(1, 2), "a new file");
			equal(host.files.info(path)?.mode, 0o600, "its permission bits");
			host.files.remove(path);
			host.files.replace(path, Uint8Array.of(1), 0o640);
			equal(host.files.info(path)?.mode, 0o640, "permission bits that were asked for");
			const bytes = pattern(100_000);
			host.files.replace(path, bytes.subarray(1), 0o600);
			equal(host.files.read(path, 100_000), bytes.slice(1), "another content");
			equal(host.files.info(path)?.mode, 0o640, "permission bits stay");
			for (const [before, mode, after] of [
				[0o644, 0o600, 0o600],
				[0o602, 0o640, 0o640],
				[0o606, 0o644, 0o644],
				[0o664, 0o644, 0o664],
			] as const) {
				host.files.remove(path);
				host.files.replace(path, bytes, before);
				host.files.replace(path, bytes, mode);
				equal(host.files.info(path)?.mode, after, `${before.toString(8)} for ${mode.toString(8)}`);
			}
			host.files.replace(path, new Uint8Array(0));
			equal(host.files.info(path)?.size, 0, "no content");
			equal(thrown(() => host.files.replace(`${path}/x`, bytes)).code, "ENOTDIR", "below a file");
			equal(thrown(() => host.files.replace("/nowhere/at/all", bytes)).code, "ENOENT", "in no folder");
			const slash = path.lastIndexOf("/");
			const beside = host.files
				.list(path.slice(0, slash))
				.filter((name) => name.startsWith(path.slice(slash + 1)));
			equal(beside.length, 1, "nothing is left beside it");
			const old = host.files.append(path);
			host.files.replace(path, Uint8Array.of(7, 8));
			old.write(Uint8Array.of(9));
			old.close();
			equal(host.files.read(path, 10), Uint8Array.of(7, 8), "it is another file, and was never half of it");
		});
	},

	"files: append": (host) => {
		withFile(host, (path) => {
			const file = host.files.append(path, 0o600);
			file.write(Uint8Array.of(1, 2));
			file.write(new Uint8Array(0));
			const other = host.files.append(path);
			other.write(Uint8Array.of(3));
			file.write(Uint8Array.of(4, 5));
			file.close();
			other.close();
			equal(host.files.read(path, 100), Uint8Array.of(1, 2, 3, 4, 5), "content");
			equal(host.files.info(path)?.mode, 0o600, "mode when new");
		});
	},

	"files: an appended file may be moved away and goes on": (host) => {
		withFile(host, (path) => {
			const file = host.files.append(path);
			const moved = `${path}.1`;
			host.files.rename(path, moved);
			file.write(Uint8Array.of(7));
			file.close();
			equal(host.files.read(moved, 10), Uint8Array.of(7), "content");
			equal(host.files.info(path), null, "the old name");
			host.files.remove(moved);
		});
	},

	"files: info": (host) => {
		withFile(host, (path) => {
			equal(host.files.info(path), null, "nothing there");
			host.files.write(path, new Uint8Array(12), 0o640);
			const file = host.files.info(path);
			ok(file !== null, "file");
			equal(file.kind, "file", "kind");
			equal(file.size, 12, "size");
			equal(file.mode, 0o640, "mode");
			equal(file.owner, host.process.uid, "owner");
			ok(file.changed > Date.UTC(2026, 0), "when");
			host.files.write(path, new Uint8Array(1), 0o600);
			equal(host.files.info(path)?.mode, 0o640, "mode is kept when replaced");
		});
		equal(host.files.info("/proc")?.kind, "directory", "directory");
		equal(host.files.info("/dev/null")?.kind, "other", "device");
		equal(host.files.info("/proc/self/exe")?.kind, "link", "a link is not followed");
		equal(host.files.info("/proc/self/exe", true)?.kind, "file", "unless it is to be");
		equal(host.files.info("/nonexistent", true), null, "nothing to follow");
		equal(host.files.info("/nonexistent/at/all"), null, "no folder");
		equal(thrown(() => host.files.info("/dev/null/x")).code, "ENOTDIR", "a file as a folder");
	},

	"files: list is sorted by code unit and goes without . and ..": (host) => {
		const prefix = scratch(host, "list");
		const folder = prefix.slice(0, prefix.lastIndexOf("/"));
		const base = prefix.slice(folder.length + 1);
		const names = ["b", "a", "B", "10", "9", "ä", "z.conf", ".hidden", "a b"].map((name) => `${base}${name}`);
		for (const name of names) {
			host.files.write(`${folder}/${name}`, new Uint8Array(0));
		}
		const listed = host.files.list(folder);
		for (const name of names) {
			host.files.remove(`${folder}/${name}`);
		}
		equal(
			listed.filter((name) => name.startsWith(base)),
			names.sort(),
			"names",
		);
		ok(!listed.includes(".") && !listed.includes(".."), "no . and ..");
		ok(
			listed.every((name, at) => at === 0 || listed[at - 1]! < name),
			"sorted",
		);
	},

	"files: rename replaces, remove removes": (host) => {
		withFile(host, (path) => {
			const other = `${path}.new`;
			host.files.write(path, Uint8Array.of(1));
			host.files.write(other, Uint8Array.of(2));
			host.files.rename(other, path);
			equal(host.files.read(path, 10), Uint8Array.of(2), "content");
			equal(host.files.info(other), null, "the old name");
			host.files.remove(path);
			equal(host.files.info(path), null, "removed");
		});
	},

	"files: errors have code and text": (host) => {
		const { files } = host;
		const nothing = "/nonexistent/file";
		const none = new Uint8Array(0);
		const calls: Record<string, () => unknown> = {
			read: () => files.read(nothing, 10),
			write: () => files.write(nothing, none),
			append: () => files.append(nothing),
			list: () => files.list("/nonexistent"),
			rename: () => files.rename(nothing, "/nonexistent/other"),
			remove: () => files.remove(nothing),
		};
		for (const [name, call] of Object.entries(calls)) {
			const error = thrown(call);
			equal(error.code, "ENOENT", `code of ${name}`);
			equal(error.message, "No such file or directory", `message of ${name}`);
		}
		const folder = thrown(() => files.read("/proc", 100_000));
		equal(folder.code, "EISDIR", "reading a folder");
		equal(folder.message, "Is a directory", "message");
		equal(thrown(() => files.write("/proc", none)).code, "EISDIR", "writing a folder");
		equal(thrown(() => files.append("/proc")).code, "EISDIR", "appending to a folder");
		const file = thrown(() => files.list("/dev/null"));
		equal(file.code, "ENOTDIR", "listing a file");
		equal(file.message, "Not a directory", "message");
		const full = thrown(() => files.write("/dev/full", Uint8Array.of(1)));
		equal(full.code, "ENOSPC", "a full device");
		equal(full.message, "No space left on device", "message");
		const append = files.append("/dev/full");
		equal(thrown(() => append.write(Uint8Array.of(1))).code, "ENOSPC", "appending to a full device");
		append.close();
	},

	"files: names that are not ASCII": (host) => {
		const path = `${scratch(host, "größe-😀")}`;
		host.files.write(path, Uint8Array.of(1));
		const folder = path.slice(0, path.lastIndexOf("/"));
		ok(host.files.list(folder).includes(path.slice(folder.length + 1)), "listed");
		host.files.remove(path);
	},

	"files: the owner": (host) => {
		withFile(host, (path) => {
			host.files.write(path, Uint8Array.of(1));
			const { owner } = host.files.info(path)!;
			equal(thrown(() => host.files.setOwner(path, "no-such-user", null)).code, "ENOENT", "no such user");
			equal(thrown(() => host.files.setOwner(path, "root", "no-such-group")).code, "ENOENT", "no such group");
			equal(thrown(() => host.files.setOwner(`${path}-not`, "root", null)).code, "ENOENT", "no such file");
			equal(host.files.info(path)?.owner, owner, "as before");
			if (host.process.uid !== 0) {
				equal(thrown(() => host.files.setOwner(path, "root", null)).code, "EPERM", "not allowed");
				return;
			}
			host.files.setOwner(path, "daemon", "root");
			equal(host.files.info(path)?.owner, 1, "the user daemon is number 1");
			host.files.setOwner(path, "root", null);
			equal(host.files.info(path)?.owner, 0, "root");
		});
	},
};
