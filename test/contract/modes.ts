/** Small programs that contract.test.ts runs from outside, chosen by the first argument. */

import type { Connection, Host, SignalName } from "../../src/host/host.ts";
import { say } from "./harness.ts";
import { runPacketChecks } from "./packet.ts";
import { runUbusChecks } from "./ubus.ts";
import { serveWireCases } from "./wire.ts";

type Mode = (host: Host, args: readonly string[]) => void | Promise<void>;

/** Modes by name. Where one does not call `exit`, the program's natural end is what is tested. */
export const modes: Readonly<Record<string, Mode>> = {
	/** Nothing to do: ends by itself. */
	nothing() {},

	/** The codec: what is no host's own must be the same on all of them. */
	packet: runPacketChecks,

	/** What speaks with ubusd; the argument is the file of captured conversations. */
	ubus: runUbusChecks,

	/** A broker for wire cases. */
	wire: serveWireCases,

	/** A timer that is pending keeps the program running. */
	timer(host) {
		host.timers.after(20, () => say(host, "done"));
	},

	/** So does a callback before the flush; and one that nothing else but its turn's end brings. */
	"before-flush"(host) {
		host.network.beforeFlush(() => {
			say(host, "one");
			void Promise.resolve().then(() => host.network.beforeFlush(() => say(host, "two")));
		});
	},

	/** A listener that is closed, a cancelled timer and a closed connection do not keep it running. */
	async idle(host) {
		const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, (connection) => {
			connection.destroy();
			listener.close();
		});
		host.timers.after(100_000, () => {}).cancel();
		host.process.onSignal("SIGHUP", () => {});
		const handler = { onData: () => 0, onDrain() {}, onClose: () => say(host, "closed") };
		const connection = await host.network.connect({ host: "127.0.0.1", port: listener.port });
		connection.start(handler);
	},

	exit(host, [code]) {
		host.timers.after(100_000, () => {});
		host.process.exit(Number(code));
	},

	/** `exit` ends the program in the middle of what it does. */
	async "exit-now"(host) {
		await Promise.resolve();
		try {
			say(host, "before");
			host.process.exit(4);
			say(host, "after");
		} finally {
			say(host, "finally");
		}
	},

	argv(host) {
		for (const argument of host.process.argv) {
			say(host, `<${argument}>`);
		}
	},

	/** The UTF-16 code units of each argument. */
	units(host, args) {
		for (const argument of args) {
			const units = Array.from(argument, (_, at) => at).map((at) => argument.charCodeAt(at).toString(16));
			say(host, units.join(" "));
		}
	},

	env(host, names) {
		for (const name of names) {
			const value = host.process.env(name);
			say(host, value === undefined ? "undefined" : `<${value}>`);
		}
	},

	/** Copies standard input to standard output. */
	cat(host) {
		let ended = 0;
		host.process.readStdin(
			(bytes) => {
				if (ended > 0) {
					host.process.exit(9);
				}
				host.process.stdout.write(bytes);
			},
			() => {
				ended++;
				host.process.stderr.write(host.utf8.encode(`end ${ended}\n`));
			},
		);
	},

	/** Standard input does not block the loop: a timer goes on beside it. */
	"cat-timer"(host) {
		host.process.readStdin(
			(bytes) => host.process.stdout.write(bytes),
			() => say(host, "end"),
		);
		host.timers.after(1, () => say(host, "timer"));
	},

	/** Copies standard input, which it pauses after each piece until a later turn. */
	"cat-pausing"(host) {
		let paused = false;
		const input = host.process.readStdin(
			(bytes) => {
				if (paused || bytes.length > 65_536) {
					host.process.exit(9);
				}
				host.process.stdout.write(bytes);
				pause(true);
				host.timers.after(0, () => pause(false));
			},
			() => {
				host.process.stderr.write(host.utf8.encode(`end ${paused}\n`));
			},
		);
		const pause = (stop: boolean) => {
			paused = stop;
			input.pause(stop);
		};
	},

	/** Prints what comes from standard input; SIGHUP pauses, SIGUSR2 resumes, and SIGUSR1 only wants an answer. */
	"cat-signals"(host) {
		const input = host.process.readStdin(
			(bytes) => say(host, `data ${bytes[0]}`),
			() => {
				say(host, "end");
				host.process.exit(0);
			},
		);
		const answer = (text: string) => {
			// Not before what is ready by now would have been told.
			host.timers.after(1, () => host.timers.after(1, () => say(host, text)));
		};
		host.process.onSignal("SIGHUP", () => {
			input.pause(true);
			answer("paused");
		});
		host.process.onSignal("SIGUSR1", () => answer("asked"));
		host.process.onSignal("SIGUSR2", () => {
			// Many at once are as good as the last one.
			for (const paused of [false, true, true, false]) {
				input.pause(paused);
			}
		});
		host.timers.after(1_000_000, () => {});
		say(host, "ready");
	},

	/** Standard input that is paused does not keep the program running. */
	"stdin-idle"(host) {
		host.process
			.readStdin(
				() => say(host, "data"),
				() => say(host, "end"),
			)
			.pause(true);
	},

	/** Fails in the way that `what` names; who is told does what `then` names. */
	async uncaught(host, [what, then]) {
		host.process.onUncaught((error) => {
			say(host, `told ${error}`);
			if (then === "throw") {
				throw new Error("another one");
			}
			if (then === "exit") {
				host.process.exit(5);
			}
		});
		const fail = (): never => {
			throw new RangeError("boom");
		};
		switch (what) {
			case "start":
				return fail();
			case "timer":
				host.timers.after(0, fail);
				break;
			case "data": {
				const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, (connection) => {
					connection.start({ onData: fail, onDrain() {}, onClose() {} });
				});
				const connection = await host.network.connect({ host: "127.0.0.1", port: listener.port });
				connection.start({ onData: () => 0, onDrain() {}, onClose() {} });
				connection.write(new Uint8Array(1), 0, 1);
				break;
			}
			case "input":
				host.process.readStdin(() => {}, fail);
				break;
			case "reject":
				Promise.resolve().then(fail);
				break;
			case "value":
				Promise.reject("no error object");
				break;
			case "handled":
				Promise.reject(new Error("handled")).catch(() => say(host, "caught"));
				return;
		}
		host.timers.after(100_000, () => host.process.exit(1));
	},

	/** `count` octets to each stream, in pieces. */
	flood(host, [count]) {
		const piece = new Uint8Array(100_003);
		for (let at = 0; at < piece.length; at++) {
			piece[at] = at % 251;
		}
		for (let left = Number(count); left > 0; left -= piece.length) {
			host.process.stdout.write(piece.subarray(0, Math.min(left, piece.length)));
		}
		host.process.stderr.write(host.utf8.encode("flooded\n"));
	},

	/** Writes until the reader has gone. */
	pipe(host) {
		try {
			for (;;) {
				host.process.stdout.write(new Uint8Array(65_536));
			}
		} catch (error) {
			const { code, message } = error as { code?: unknown; message: string };
			host.process.stderr.write(host.utf8.encode(`${code}: ${message}\n`));
			host.process.exit(5);
		}
	},

	/** Prints each signal that arrives; ends with standard input. */
	signals(host, names) {
		for (const name of names as SignalName[]) {
			host.process.onSignal(name, () => say(host, name));
		}
		host.process.readStdin(
			() => {},
			() => host.process.exit(0),
		);
		say(host, "ready");
	},

	/** A handler does not keep the program running. */
	"signal-idle"(host) {
		host.process.onSignal("SIGTERM", () => {});
		host.process.onSignal("SIGUSR1", () => {});
		say(host, "started");
	},

	/** Goes to the background, says there on a unix socket who it is, and ends when that connection does. */
	async daemon(host, [path = ""]) {
		say(host, "before");
		const background = await host.process.daemonize();
		say(host, "inside");
		host.process.stderr.write(host.utf8.encode("inside too\n"));
		const listener = await host.network.listen({ address: path, port: 0 }, (connection) => {
			tell(host, connection, `${host.process.pid} ${host.process.argv.join(" ")}`);
			listener.close();
		});
		background.ready();
		say(host, "after");
		host.process.stderr.write(host.utf8.encode("after too\n"));
	},

	/** Ends in the background before it is ready. */
	async "daemon-exit"(host, [code]) {
		await host.process.daemonize();
		say(host, "failing");
		host.process.exit(Number(code));
	},

	/** Creates files in every way there is, and prints their permission bits. */
	modes(host, [folder]) {
		const none = new Uint8Array(0);
		host.files.write(`${folder}/1`, none);
		host.files.write(`${folder}/2`, none, 0o666);
		host.files.append(`${folder}/3`).close();
		host.files.append(`${folder}/4`, 0o660).close();
		for (const name of ["1", "2", "3", "4"]) {
			say(host, host.files.info(`${folder}/${name}`)?.mode.toString(8) ?? "none");
			host.files.remove(`${folder}/${name}`);
		}
	},

	/** Uses up all descriptors, then goes on. */
	async exhaust(host) {
		const open = new Set<Connection>();
		let lost = 0;
		let allClosed: () => void = () => {};
		const keep = (connection: Connection): void => {
			open.add(connection);
			connection.start({
				onData: (_bytes, start, end) => end - start,
				onDrain() {},
				onClose() {
					lost++;
					open.delete(connection);
					if (open.size === 0) {
						allClosed();
					}
				},
			});
		};
		const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, keep);
		const { port } = listener;
		let refused = false;
		for (let count = 0; count < 1000 && lost === 0 && !refused; count++) {
			try {
				keep(await host.network.connect({ host: "127.0.0.1", port }));
			} catch (error) {
				const { code, message } = error as { code?: unknown; message: string };
				refused = code === "EMFILE" && message.length > 0;
			}
		}
		say(host, lost > 0 || refused ? "exhausted" : "enough");
		await new Promise<void>((resolve) => {
			allClosed = resolve;
			for (const connection of open) {
				connection.destroy();
			}
		});
		const connection = await host.network.connect({ host: "127.0.0.1", port });
		say(host, `again ${connection.remotePort === port}`);
		connection.destroy();
		host.process.exit(0);
	},

	"utc-offset"(host, times) {
		for (const time of times) {
			say(host, String(host.clock.utcOffset(Number(time))));
		}
	},

	/** Becomes one user after another, then prints who that is. */
	user(host, names) {
		for (const name of names) {
			try {
				host.process.becomeUser(name);
			} catch (error) {
				const { code, message } = error as { code?: unknown; message: string };
				say(host, `${name}: ${code}: ${message}`);
			}
		}
		sayIdentity(host);
	},

	/** Takes a user id and a group id, then prints who that is. */
	ids(host, [uid, gid]) {
		try {
			host.process.becomeIds(Number(uid), Number(gid));
		} catch (error) {
			say(host, String((error as { code?: unknown }).code));
		}
		sayIdentity(host);
	},

	/** Makes a file that everybody may write, but for what the umask says. */
	umask(host, [mask, path]) {
		host.process.setUmask(Number(mask));
		host.files.write(path!, new Uint8Array(0), 0o666);
		say(host, host.files.info(path!)!.mode.toString(8));
	},

	/** Connects until the listener's queue is full, when an attempt comes to no end but the time limit. */
	async "connect-timeout"(host, [port]) {
		for (let count = 0; count < 100; count++) {
			const start = host.clock.monotonic();
			try {
				await host.network.connect({ host: "127.0.0.1", port: Number(port), timeout: 200 });
			} catch (error) {
				const { code, message } = error as { code?: unknown; message: string };
				say(host, `${code}: ${message}`);
				say(host, host.clock.monotonic() - start >= 200 ? "in time" : "early");
				host.process.exit(0);
			}
		}
		say(host, "never");
		host.process.exit(1);
	},

	/** Piles up output, then goes on sending when the peer has ended its side. */
	async "half-open"(host, [port]) {
		const connection = await host.network.connect({ host: "127.0.0.1", port: Number(port) });
		connection.start({
			onData: (_bytes, start, end) => end - start,
			onDrain() {},
			onClose: (error) => say(host, `closed ${error}`),
		});
		const chunk = new Uint8Array(256 * 1024);
		let written = 0;
		const more = () => {
			if (connection.buffered > chunk.length) {
				say(host, `written ${written}.`);
				return;
			}
			connection.write(chunk, 0, chunk.length);
			written += chunk.length;
			host.timers.after(0, more);
		};
		more();
	},

	/** Closes with its last words to a peer that goes on sending, or does nothing at all. */
	async "close-long"(host, [port]) {
		const connection = await host.network.connect({ host: "127.0.0.1", port: Number(port) });
		let closed = 0;
		connection.start({
			onData() {
				const bytes = host.utf8.encode("last words");
				connection.write(bytes, 0, bytes.length);
				connection.close();
				closed = host.clock.monotonic();
				return 0;
			},
			onDrain() {},
			onClose: (error) => {
				const passed = host.clock.monotonic() - closed;
				say(host, `closed ${error} ${passed < 5000 ? "before" : "at"} the limit`);
			},
		});
	},

	/** What a turn wrote goes nowhere when the process ends in it. */
	async "exit-drop"(host, [port]) {
		const connection = await host.network.connect({ host: "127.0.0.1", port: Number(port) });
		connection.start({ onData: () => 0, onDrain() {}, onClose() {} });
		connection.write(new Uint8Array(100), 0, 100);
		host.process.exit(0);
	},

	syslog(host) {
		try {
			host.syslog.open("contract", "local3");
		} catch (error) {
			const { code, message } = error as { code?: unknown; message: string };
			say(host, `${code}: ${message}`);
		}
		host.syslog.write("error", "one");
		host.syslog.write("debug", "größe %s %n");
		host.syslog.write("notice", "last");
	},

	/** A write error that nobody expects: the other side is gone, and we keep writing. */
	async "write-to-closed"(host) {
		let writes = 0;
		const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, (connection) => {
			connection.destroy();
		});
		const connection = await host.network.connect({ host: "127.0.0.1", port: listener.port });
		const again = () => {
			writes++;
			connection.write(new Uint8Array(1000), 0, 1000);
			if (writes < 10_000) {
				host.timers.after(0, again);
			}
		};
		connection.start({
			onData: (_bytes, start, end) => end - start,
			onDrain() {},
			onClose() {
				listener.close();
				connection.write(new Uint8Array(10), 0, 10);
				connection.destroy();
				say(host, "closed");
				host.process.exit(0);
			},
		});
		again();
	},
};

function tell(host: Host, connection: Connection, line: string): void {
	connection.start({
		onData: (_bytes, start, end) => end - start,
		onDrain() {},
		onClose() {},
	});
	const bytes = host.utf8.encode(`${line}\n`);
	connection.write(bytes, 0, bytes.length);
}

function sayIdentity(host: Host): void {
	const bytes = host.files.read("/proc/self/status", 100_000);
	const status = host.utf8.decodeLossy(bytes, 0, bytes.length).split("\n");
	say(host, `uid ${host.process.uid}`);
	for (const line of status.filter((entry) => /^(Uid|Gid|Groups):/.test(entry))) {
		say(host, line.replace(/\s+/g, " ").trim());
	}
}
