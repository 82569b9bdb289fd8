/**
 * A router for tests: a root folder with a static busybox for MIPS, stand-ins for OpenWrt's shell functions, and what opkg installs.
 * It runs under qemu user emulation in namespaces of its own (users, mounts, processes, network), so that every port is free and
 * nothing of it is left. Needs root.
 */

import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
	chmodSync,
	copyFileSync,
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const STAND_INS = fileURLToPath(new URL("./root", import.meta.url));
const FOLDERS = [
	"bin sbin dev proc tmp etc/config etc/init.d etc/rc.d usr/bin usr/sbin usr/lib/opkg/info var/log var/run var/procd",
];

/** ELF for MIPS, 32 bits, big-endian, executable: runs in qemu, which is looked up now, so that the root folder need not have it. */
const BINFMT =
	":mips:M::\\x7fELF\\x01\\x02\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x08:" +
	"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xfe\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff:/usr/bin/qemu-mips-static:F";

const SETUP = `
set -e
read go
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
printf '%s' '${BINFMT}' >/proc/sys/fs/binfmt_misc/register
busybox ifconfig lo 127.0.0.1 up
: >"$1/dev/null"
: >"$1/dev/urandom"
mount --bind /dev/null "$1/dev/null"
mount --bind /dev/urandom "$1/dev/urandom"
exec unshare --pid --fork --kill-child sh -c 'mount -t proc proc "$1/proc" && echo $$ && cat' sh "$1"
`;

export interface Said {
	readonly code: number;
	readonly out: string;
	readonly err: string;
}

export class Router {
	readonly root: string;
	private readonly holder: ChildProcessWithoutNullStreams;
	/** The first process of the namespaces, as this machine numbers it. */
	private readonly pid: number;

	private constructor(root: string, holder: ChildProcessWithoutNullStreams, pid: number) {
		this.root = root;
		this.holder = holder;
		this.pid = pid;
	}

	static async boot(context: TestContext): Promise<Router> {
		assert.equal(process.getuid?.(), 0, "the test router needs root");
		const root = mkdtempSync(join(tmpdir(), "mqttd-router-"));
		chmodSync(root, 0o755);
		fill(root);
		const holder = spawn("unshare", ["-U", "-m", "-n", "sh", "-c", SETUP, "sh", root]);
		let complaint = "";
		holder.stderr.on("data", (text: Buffer) => {
			complaint += text.toString();
		});
		context.after(async () => {
			if (holder.exitCode === null && holder.signalCode === null) {
				const ended = once(holder, "exit");
				holder.kill("SIGKILL");
				await ended;
			}
			rmSync(root, { recursive: true, force: true });
		});
		await unshared(holder.pid!);
		for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${holder.pid}/${map}`, "0 0 65536\n");
		holder.stdin.write("go\n");
		const ready = await Promise.race([once(holder.stdout, "data"), once(holder, "exit")]);
		assert.ok(ready[0] instanceof Buffer, `the router does not boot: ${complaint}`);
		const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "utf8")
			.trim()
			.split(" ");
		return new Router(root, holder, Number(children[0]));
	}

	/** Runs a command of the router's shell to its end. */
	async run(command: string, env: Readonly<Record<string, string>> = {}): Promise<Said> {
		const child = this.start(command, env);
		let [out, err] = ["", ""];
		child.stdout.on("data", (text: Buffer) => {
			out += text.toString();
		});
		child.stderr.on("data", (text: Buffer) => {
			err += text.toString();
		});
		child.stdin.end();
		const [code] = (await once(child, "close")) as [number];
		return { code, out, err };
	}

	/** As `run`, and it must go well. Returns what it prints. */
	async shell(command: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
		const { code, out, err } = await this.run(command, env);
		assert.equal(code, 0, `${command}\n${out}${err}\n${this.log()}`);
		return out.trimEnd();
	}

	/** Starts a command of the router's shell. */
	start(command: string, env: Readonly<Record<string, string>> = {}): ChildProcessWithoutNullStreams {
		const enter = ["-t", String(this.pid), "-U", "-m", "-n", "-p", "-S", "0", "-G", "0"];
		const path = "/bin:/sbin:/usr/bin:/usr/sbin";
		return spawn("nsenter", [...enter, "chroot", this.root, "/bin/ash", "-c", command], {
			env: { PATH: `${process.env.PATH}:${path}`, QEMU_CPU: "24Kc", ...env },
		});
	}

	path(name: string): string {
		return join(this.root, name);
	}

	read(name: string): string {
		return readFileSync(this.path(name), "utf8");
	}

	write(name: string, text: string, mode = 0o600): void {
		writeFileSync(this.path(name), text);
		chmodSync(this.path(name), mode);
	}

	exists(name: string): boolean {
		return existsSync(this.path(name));
	}

	/** What the service has printed. */
	log(): string {
		return this.exists("var/log/mqttd.log") ? this.read("var/log/mqttd.log") : "";
	}

	async halt(): Promise<void> {
		const ended = once(this.holder, "exit");
		this.holder.stdin.end();
		await ended;
	}
}

/** Until the process has namespaces of its own: it waits for a line then, and is asked again and again for nothing else. */
async function unshared(pid: number): Promise<void> {
	const own = readFileSync("/proc/self/uid_map", "utf8");
	for (;;) {
		const theirs = readFileSync(`/proc/${pid}/uid_map`, "utf8");
		if (theirs !== own) return;
		await new Promise((resolve) => setImmediate(resolve));
	}
}

function fill(root: string): void {
	for (const folder of FOLDERS[0]!.split(" ")) mkdirSync(join(root, folder), { recursive: true });
	cpSync(STAND_INS, root, { recursive: true });
	chmodSync(join(root, "etc/rc.common"), 0o755);
	chmodSync(join(root, "sbin/uci"), 0o755);
	const busybox = execFileSync("scripts/busybox.sh", { cwd: REPOSITORY, encoding: "utf8" }).trim();
	copyFileSync(busybox, join(root, "bin/busybox"));
	chmodSync(join(root, "bin/busybox"), 0o755);
	const applets = execFileSync("qemu-mips-static", [busybox, "--list"], { encoding: "utf8" }).trim();
	for (const applet of applets.split("\n")) symlinkSync("busybox", join(root, "bin", applet));
	writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/ash\n");
	writeFileSync(join(root, "etc/group"), "root:x:0:\n");
	writeFileSync(join(root, "etc/shadow"), "root:*:0:0:99999:7:::\n");
	writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n");
}
