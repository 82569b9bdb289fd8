/** The contract of src/host/network.ts: listening, connecting, names. */

import type { Connection, Host } from "../../src/host/host.ts";
import {
	connectPair,
	End,
	endPair,
	equal,
	Gate,
	ok,
	rejected,
	scratch,
	type Tests,
	thrown,
	turn,
} from "./harness.ts";

/** Both directions of a new connection. */
async function exchange(client: End, server: End): Promise<void> {
	client.start();
	server.start();
	client.write(Uint8Array.of(1, 2, 3));
	server.write(Uint8Array.of(4, 5));
	await Promise.all([client.until(() => client.received === 2), server.until(() => server.received === 3)]);
}

function refuse(connection: Connection): void {
	connection.destroy();
}

/** A port on which nobody listens. */
async function freePort(host: Host): Promise<number> {
	const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, refuse);
	listener.close();
	return listener.port;
}

export const networkTests: Tests = {
	"tcp: IPv4, a port that the system chooses": async (host) => {
		const pair = await connectPair(host, "127.0.0.1");
		ok(pair.listener.port > 0 && pair.listener.port < 65_536, "port");
		equal(pair.client.connection.remoteAddress, "127.0.0.1", "client's peer");
		equal(pair.client.connection.remotePort, pair.listener.port, "client's peer port");
		equal(pair.server.connection.remoteAddress, "127.0.0.1", "server's peer");
		ok(pair.server.connection.remotePort > 0, "server's peer port");
		ok(pair.server.connection.remotePort !== pair.listener.port, "a port of its own");
		await exchange(pair.client, pair.server);
		await endPair(pair);
		equal(pair.client.connection.remoteAddress, "127.0.0.1", "still known when closed");
	},

	"tcp: IPv6": async (host) => {
		const pair = await connectPair(host, "::1");
		equal(pair.client.connection.remoteAddress, "::1", "client's peer");
		equal(pair.server.connection.remoteAddress, "::1", "server's peer");
		await exchange(pair.client, pair.server);
		await endPair(pair);
	},

	"tcp: an IPv6 listener takes IPv6 only": async (host) => {
		const listener = await host.network.listen({ address: "::", port: 0 }, refuse);
		const { port } = listener;
		const error = await rejected(host.network.connect({ host: "127.0.0.1", port }));
		equal(error.code, "ECONNREFUSED", "IPv4");
		const client = new End(await host.network.connect({ host: "::1", port })).start();
		await client.closed();
		listener.close();
	},

	"tcp: both families on one port": async (host) => {
		const four = await host.network.listen({ address: "0.0.0.0", port: 0 }, refuse);
		const six = await host.network.listen({ address: "::", port: four.port }, refuse);
		equal(six.port, four.port, "port");
		four.close();
		six.close();
	},

	"unix: listen, connect, and the path's life": async (host) => {
		const path = scratch(host, "socket");
		const pair = await connectPair(host, path);
		equal(pair.listener.port, 0, "listener's port");
		equal(host.files.info(path)?.kind, "socket", "the path");
		for (const { connection } of [pair.client, pair.server]) {
			equal(connection.remoteAddress, "", "address");
			equal(connection.remotePort, 0, "port");
		}
		await exchange(pair.client, pair.server);
		pair.listener.close();
		equal(host.files.info(path), null, "removed with the listener");
		pair.listener.close();
		pair.client.write(Uint8Array.of(9));
		await pair.server.until(() => pair.server.received === 4);
		await endPair(pair);
		equal((await rejected(host.network.connect({ host: path, port: 0 }))).code, "ENOENT", "connect");
	},

	"unix: permission bits": async (host) => {
		for (const mode of [0o600, 0o660, 0o777, 0o640]) {
			const path = scratch(host, "socket");
			const listener = await host.network.listen({ address: path, port: 0, mode }, refuse);
			equal(host.files.info(path)?.mode, mode, "of the socket");
			listener.close();
			host.files.write(path, new Uint8Array(0), 0o600);
			equal(host.files.info(path)?.mode, 0o600, "of a file that is made afterwards");
			host.files.remove(path);
		}
	},

	"unix: a socket that is there is replaced": async (host) => {
		const path = scratch(host, "socket");
		const old = await host.network.listen({ address: path, port: 0 }, refuse);
		let accepted = new Gate<Connection>();
		const listener = await host.network.listen({ address: path, port: 0 }, (connection) => {
			accepted.open(connection);
		});
		const client = new End(await host.network.connect({ host: path, port: 0 }));
		await exchange(client, new End(await accepted.passed));
		client.destroy();
		await client.closed();
		old.close();
		equal(
			host.files.info(path)?.kind,
			"socket",
			"the end of the old one is not the end of the new one's path",
		);
		accepted = new Gate<Connection>();
		const again = new End(await host.network.connect({ host: path, port: 0 }));
		await exchange(again, new End(await accepted.passed));
		again.destroy();
		await again.closed();
		listener.close();
		equal(host.files.info(path), null, "removed with the new one");
		const left = host.files.list(path.replace(/\/[^/]*$/, "")).filter((name) => name.startsWith("."));
		equal(left.join(), "", "nothing else is left");
	},

	"unix: owner and group may connect": async (host) => {
		const path = scratch(host, "socket");
		const listener = await host.network.listen({ address: path, port: 0 }, refuse);
		equal(host.files.info(path)?.mode, 0o770, "mode");
		listener.close();
	},

	"unix: the longest path": async (host) => {
		const folder = scratch(host, "");
		const path = folder + "x".repeat(107 - host.utf8.byteLength(folder));
		const listener = await host.network.listen({ address: path, port: 0 }, refuse);
		listener.close();
		const error = await rejected(host.network.listen({ address: `${path}x`, port: 0 }, refuse));
		equal(error.code, "ENAMETOOLONG", "code");
	},

	"unix: what is not a socket is left alone": async (host) => {
		const path = scratch(host, "file");
		host.files.write(path, Uint8Array.of(1));
		const error = await rejected(host.network.listen({ address: path, port: 0 }, refuse));
		equal(error.code, "EADDRINUSE", "code");
		equal(host.files.read(path, 10), Uint8Array.of(1), "the file");
		const refused = await rejected(host.network.connect({ host: path, port: 0 }));
		equal(refused.code, "ECONNREFUSED", "connect");
		host.files.remove(path);
	},

	"unix: no such folder": async (host) => {
		const error = await rejected(host.network.listen({ address: "/nonexistent/socket", port: 0 }, refuse));
		equal(error.code, "ENOENT", "code");
		equal(error.message, "No such file or directory", "message");
	},

	"listen: an address in use": async (host) => {
		const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, refuse);
		const { port } = listener;
		const error = await rejected(host.network.listen({ address: "127.0.0.1", port }, refuse));
		equal(error.code, "EADDRINUSE", "code");
		equal(error.message, "Address already in use", "message");
		listener.close();
		const again = await host.network.listen({ address: "127.0.0.1", port }, refuse);
		equal(again.port, port, "free again");
		again.close();
	},

	"listen: an address that is not ours": async (host) => {
		const error = await rejected(host.network.listen({ address: "192.0.2.1", port: 0 }, refuse));
		equal(error.code, "EADDRNOTAVAIL", "code");
		ok(error.message.length > 0, "message");
	},

	"listener: closing it leaves accepted connections": async (host) => {
		const pair = await connectPair(host);
		pair.listener.close();
		pair.listener.close();
		const { port } = pair.listener;
		equal((await rejected(host.network.connect({ host: "127.0.0.1", port }))).code, "ECONNREFUSED", "new");
		await exchange(pair.client, pair.server);
		await endPair(pair);
	},

	"listener: a connection that is destroyed at once": async (host) => {
		const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, refuse);
		const client = new End(await host.network.connect({ host: "127.0.0.1", port: listener.port })).start();
		await client.closed();
		equal(client.closes, 1, "onClose");
		equal(client.received, 0, "octets");
		listener.close();
	},

	"interfaces: the loopback's addresses can be listened on": async (host) => {
		const addresses = host.network.interfaceAddresses("lo");
		equal(addresses.slice(0, 1), ["127.0.0.1"], "IPv4 first");
		ok(addresses.includes("::1"), addresses.join());
		for (const address of addresses) {
			(await host.network.listen({ address, port: 0 }, refuse)).close();
		}
	},

	"interfaces: one that does not exist": (host) => {
		for (const name of ["no-such-device", "no-such-device-of-such-a-name", "", ".", "..", "../net/lo", "é"]) {
			const error = thrown(() => host.network.interfaceAddresses(name));
			equal(error.code, "ENODEV", `code for ${name}`);
			equal(error.message, "No such device", "message");
		}
	},

	"connect: refused": async (host) => {
		const port = await freePort(host);
		for (const address of ["127.0.0.1", "::1", "localhost"]) {
			const error = await rejected(host.network.connect({ host: address, port }));
			equal(error.code, "ECONNREFUSED", `code for ${address}`);
			equal(error.message, "Connection refused", "message");
		}
	},

	"connect: from a local address": async (host) => {
		const accepted = new Gate<Connection>();
		const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, accepted.open);
		const { port } = listener;
		const client = await host.network.connect({ host: "127.0.0.1", port, bindAddress: "127.0.0.2" });
		const server = await accepted.passed;
		equal(server.remoteAddress, "127.0.0.2", "address");
		client.destroy();
		server.destroy();
		const error = await rejected(host.network.connect({ host: "127.0.0.1", port, bindAddress: "192.0.2.1" }));
		equal(error.code, "EADDRNOTAVAIL", "an address that is not ours");
		listener.close();
	},

	"connect: a name's addresses are tried in turn": async (host) => {
		for (const address of await host.network.resolve("localhost")) {
			const listener = await host.network.listen({ address, port: 0 }, refuse);
			const client = await host.network.connect({ host: "localhost", port: listener.port });
			equal(client.remoteAddress, address, "address");
			client.destroy();
			listener.close();
		}
	},

	"connect: a name that does not exist": async (host) => {
		for (const call of [
			host.network.resolve,
			(name: string) => host.network.connect({ host: name, port: 1 }),
		]) {
			let early = true;
			const promise = rejected(call("no-such-host.invalid"));
			// The loop goes on meanwhile.
			promise.then(() => {
				early = false;
			});
			ok(early, "not at once");
			const error = await promise;
			const text = { ENOTFOUND: "Name or service not known", EAI_AGAIN: "Try again" }[error.code];
			ok(text !== undefined, `code ${error.code}`);
			equal(error.message, text, "message");
		}
	},

	"connect: many at once": async (host) => {
		const accepted: Connection[] = [];
		const all = new Gate();
		const count = 100;
		const listener = await host.network.listen({ address: "127.0.0.1", port: 0 }, (connection) => {
			if (accepted.push(connection) === count) {
				all.open();
			}
		});
		const { port } = listener;
		const clients = await Promise.all(
			Array.from(
				{ length: count },
				async () => new End(await host.network.connect({ host: "127.0.0.1", port })),
			),
		);
		await all.passed;
		const servers = accepted.map((connection) => new End(connection).start());
		for (const [at, client] of clients.entries()) {
			client.start();
			client.write(new Uint8Array(at + 1));
		}
		const sum = (count * (count + 1)) / 2;
		const total = () => servers.reduce((octets, server) => octets + server.received, 0);
		await Promise.race(servers.map((server) => server.until(() => total() === sum)));
		const ports = new Set(accepted.map((connection) => connection.remotePort));
		equal(ports.size, count, "each has a port of its own");
		for (const client of clients) {
			client.close();
		}
		await Promise.all([...clients, ...servers].map((end) => end.closed()));
		ok(
			[...clients, ...servers].every((end) => end.closes === 1),
			"onClose once for each",
		);
		listener.close();
	},

	"resolve: localhost and numeric addresses": async (host) => {
		const addresses = await host.network.resolve("localhost");
		ok(addresses.length > 0, "at least one");
		ok(
			addresses.every((address) => address === "127.0.0.1" || address === "::1"),
			addresses.join(),
		);
		equal(new Set(addresses).size, addresses.length, "each once");
		equal(await host.network.resolve("192.0.2.7"), ["192.0.2.7"], "IPv4");
		equal(await host.network.resolve("2001:db8::7"), ["2001:db8::7"], "IPv6");
		const error = await rejected(host.network.resolve(""));
		ok(error.code === "ENOTFOUND", `the empty name: ${error.code}`);
	},

	"network: callbacks come from the loop, not from inside `listen` and `connect`": async (host) => {
		const pair = await connectPair(host);
		pair.client.start();
		pair.server.start();
		pair.client.destroy();
		equal(pair.client.closes, 0, "not at once");
		await turn(host);
		await pair.client.closed();
		await pair.server.closed();
		pair.listener.close();
		ok(!pair.client.reentered, "not from inside");
	},
};
