/**
 * A small ubusd for tests, over any host's network: objects, calls, events and subscriptions as the real one has them,
 * without its access rules but for what a test forbids. It is trusting: clients that are not ours do not come here.
 */

import type { Connection, ConnectionHandler, Listener, Network, Utf8 } from "../../src/host/host.ts";
import {
	type Attributes,
	decodeMessage,
	encodeMessage,
	type Message,
	MessageType,
	messageLength,
	type OutgoingAttributes,
} from "../../src/ubus/message.ts";
import { Status } from "../../src/ubus/status.ts";
import type { UbusTable } from "../../src/ubus/value.ts";

interface BusObject {
	readonly id: number;
	readonly path: string | null;
	readonly signature: UbusTable;
	readonly owner: BusClient;
	/** Subscribers' objects. */
	readonly subscribers: Set<BusObject>;
	/** Event patterns. */
	readonly patterns: Set<string>;
}

export class FakeUbusd {
	readonly clients = new Set<BusClient>();
	readonly objects = new Map<number, BusObject>();
	/** What was asked for, as `TYPE path` or `INVOKE method`: all of it, in order. */
	readonly seen: string[] = [];
	/** What of `seen` is refused, and with which status. */
	readonly refused = new Map<string, number>();
	/** What of `seen` gets no answer. */
	readonly ignored = new Set<string>();
	/** Clients that were cast out for a message of a length that there is none. */
	cast = 0;
	/** Whether clients are greeted. */
	greets = true;
	readonly utf8: Utf8;
	private readonly network: Network;
	private listener: Listener | null = null;
	// Beyond what a signed number of 32 bits holds.
	private nextId = 0x8000_0400;

	constructor(host: { readonly network: Network; readonly utf8: Utf8 }) {
		this.network = host.network;
		this.utf8 = host.utf8;
	}

	async listen(path: string): Promise<void> {
		this.listener = await this.network.listen({ address: path, port: 0 }, (connection) => {
			const client = new BusClient(this, connection, this.newId());
			this.clients.add(client);
			if (this.greets) client.send(MessageType.HELLO, 0, client.id, {});
		});
	}

	/** The daemon dies: everything is forgotten. */
	stop(): void {
		this.listener?.close();
		for (const client of this.clients) client.connection.destroy();
		this.clients.clear();
		this.objects.clear();
	}

	newId(): number {
		return this.nextId++;
	}

	/** The object at `path`. */
	find(path: string): BusObject | undefined {
		return [...this.objects.values()].find((object) => object.path === path);
	}

	remove(object: BusObject): void {
		this.objects.delete(object.id);
		for (const other of this.objects.values()) {
			if (other.subscribers.delete(object) && other.subscribers.size === 0) {
				other.owner.send(MessageType.NOTIFY, 0, 0, { objectId: other.id, isActive: false });
			}
		}
		for (const subscriber of object.subscribers) {
			const attributes = { objectId: subscriber.id, target: object.id };
			subscriber.owner.send(MessageType.UNSUBSCRIBE, 0, 0, attributes);
		}
		this.objectEvent("ubus.object.remove", object);
	}

	objectEvent(name: string, { id, path }: BusObject): void {
		if (path !== null) this.sendEvent(null, name, { id: id | 0, path });
	}

	sendEvent(sender: BusClient | null, name: string, data: UbusTable): void {
		for (const { id, owner, patterns } of this.objects.values()) {
			const isWanted = [...patterns].some((pattern) =>
				pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name,
			);
			if (isWanted && owner !== sender) {
				owner.send(MessageType.INVOKE, 0, 0, { objectId: id, method: name, data });
			}
		}
	}
}

/** A client as ubusd sees it. */
export class BusClient implements ConnectionHandler {
	readonly id: number;
	readonly connection: Connection;
	private readonly bus: FakeUbusd;

	constructor(bus: FakeUbusd, connection: Connection, id: number) {
		this.bus = bus;
		this.connection = connection;
		this.id = id;
		connection.start(this);
	}

	send(type: number, seq: number, peer: number, attributes: OutgoingAttributes): void {
		const bytes = encodeMessage(this.bus.utf8, type, seq, peer, attributes);
		this.connection.write(bytes, 0, bytes.length);
	}

	onData(bytes: Uint8Array, start: number, end: number): number {
		let at = start;
		for (;;) {
			let length: number;
			try {
				length = messageLength(bytes, at, end);
			} catch {
				// As the real one does with what is too long: without a word, and with all of its objects.
				this.bus.cast++;
				this.connection.destroy();
				return end - start;
			}
			if (length === 0 || length > end - at) return at - start;
			this.receive(decodeMessage(this.bus.utf8, bytes, at, at + length));
			at += length;
		}
	}

	onDrain(): void {}

	onClose(): void {
		if (!this.bus.clients.delete(this)) return;
		for (const object of [...this.bus.objects.values()]) if (object.owner === this) this.bus.remove(object);
	}

	private receive({ type, seq, peer, attributes }: Message): void {
		if (type === MessageType.DATA || type === MessageType.STATUS) {
			this.relay(type, seq, peer, attributes);
			return;
		}
		const name = Object.keys(MessageType)[type] ?? `type ${type}`;
		const of = attributes.path ?? attributes.method ?? "";
		const line = of === "" ? name : `${name} ${of}`;
		this.bus.seen.push(line);
		if (this.bus.ignored.has(line)) return;
		const status = this.bus.refused.get(line) ?? this.handle(type, seq, attributes);
		if (status !== null) this.send(MessageType.STATUS, seq, peer, { status });
	}

	/** Answers of an owner go to the caller, with the number of its object. */
	private relay(type: number, seq: number, peer: number, { status, objectId = 0, data }: Attributes): void {
		if (this.bus.objects.get(objectId)?.owner !== this) return;
		const caller = [...this.bus.clients].find(({ id }) => id === peer);
		caller?.send(type, seq, objectId, {
			...(status !== undefined && { status }),
			objectId,
			...(data && { data }),
		});
	}

	/** Returns the status to send, or null when it is for others to answer. */
	private handle(type: number, seq: number, attributes: Attributes): number | null {
		switch (type) {
			case MessageType.LOOKUP:
				return this.lookUp(seq, attributes.path);
			case MessageType.ADD_OBJECT:
				return this.add(seq, attributes);
			case MessageType.REMOVE_OBJECT: {
				const object = this.bus.objects.get(attributes.objectId ?? 0);
				if (object?.owner !== this) return Status.NOT_FOUND;
				this.bus.remove(object);
				this.send(MessageType.DATA, seq, 0, { objectId: object.id });
				return Status.OK;
			}
			case MessageType.INVOKE:
				return this.invoke(seq, attributes);
			case MessageType.SUBSCRIBE:
			case MessageType.UNSUBSCRIBE:
				return this.subscribe(type, attributes);
			case MessageType.NOTIFY:
				return this.notify(seq, attributes);
			default:
				return Status.INVALID_COMMAND;
		}
	}

	private lookUp(seq: number, path: string | undefined): number {
		const found = [...this.bus.objects.values()].filter(
			(object) =>
				object.path !== null &&
				(path === undefined ||
					(path.endsWith("*") ? object.path.startsWith(path.slice(0, -1)) : object.path === path)),
		);
		for (const object of found) {
			const { id: objectId, signature } = object;
			this.send(MessageType.DATA, seq, 0, { path: object.path ?? "", objectId, typeId: 5_000, signature });
		}
		return found.length === 0 ? Status.NOT_FOUND : Status.OK;
	}

	private add(
		seq: number,
		{ path = null, signature }: Omit<Attributes, "path"> & { path?: string | null },
	): number {
		if (path !== null && this.bus.find(path) !== undefined) return Status.INVALID_ARGUMENT;
		const object: BusObject = {
			id: this.bus.newId(),
			path,
			signature: signature ?? {},
			owner: this,
			subscribers: new Set(),
			patterns: new Set(),
		};
		this.bus.objects.set(object.id, object);
		this.bus.objectEvent("ubus.object.add", object);
		this.send(MessageType.DATA, seq, 0, { objectId: object.id });
		return Status.OK;
	}

	private invoke(seq: number, { objectId = 0, method = "", data }: Attributes): number | null {
		if (objectId === 1) return this.invokeEvents(method, data ?? {});
		const object = this.bus.objects.get(objectId);
		if (object === undefined) return Status.NOT_FOUND;
		const attributes = { objectId, method, user: "root", group: "root", data: data ?? {} };
		object.owner.send(MessageType.INVOKE, seq, this.id, attributes);
		return null;
	}

	private invokeEvents(method: string, { object, pattern, id, data }: UbusTable): number {
		if (method === "register" && typeof object === "number" && typeof pattern === "string") {
			const own = this.bus.objects.get(object >>> 0);
			if (own?.owner !== this) return Status.NOT_FOUND;
			own.patterns.add(pattern);
			return Status.OK;
		}
		if (method === "send" && typeof id === "string") {
			this.bus.sendEvent(this, id, data as UbusTable);
			return Status.OK;
		}
		return Status.INVALID_COMMAND;
	}

	private subscribe(type: number, { objectId = 0, target = 0 }: Attributes): number {
		const own = this.bus.objects.get(objectId);
		const object = this.bus.objects.get(target);
		if (own?.owner !== this || own === object) return Status.INVALID_ARGUMENT;
		if (object === undefined) return Status.NOT_FOUND;
		const count = object.subscribers.size;
		if (type === MessageType.SUBSCRIBE) object.subscribers.add(own);
		else if (!object.subscribers.delete(own)) return Status.NOT_FOUND;
		const isActive = object.subscribers.size > 0;
		if (isActive !== count > 0) {
			object.owner.send(MessageType.NOTIFY, 0, 0, { objectId: object.id, isActive });
		}
		return Status.OK;
	}

	private notify(
		seq: number,
		{ objectId = 0, method = "", data, noReply = false }: Attributes,
	): number | null {
		const object = this.bus.objects.get(objectId);
		if (object?.owner !== this) return Status.PERMISSION_DENIED;
		if (!noReply) {
			const subscribers = [...object.subscribers].map(({ id }) => id);
			this.send(MessageType.STATUS, seq, objectId, { objectId, subscribers, status: Status.OK });
		}
		for (const { id, owner } of object.subscribers) {
			owner.send(MessageType.INVOKE, seq, this.id, {
				...(noReply && { noReply }),
				objectId: id,
				method,
				user: "root",
				group: "root",
				data: data ?? {},
			});
		}
		return null;
	}
}
