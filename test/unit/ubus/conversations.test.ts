/** Every captured conversation with us in the place of each of its clients: in whole messages and octet by octet. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connection } from "../../../src/host/host.ts";
import type { Invocation } from "../../../src/ubus/invocation.ts";
import { Link, Sequence } from "../../../src/ubus/link.ts";
import { type Attributes, decodeMessage, encodeMessage, MessageType } from "../../../src/ubus/message.ts";
import { Status, type UbusError } from "../../../src/ubus/status.ts";
import { createFakeHost, type FakeHost, type FakePeer } from "../../fake/host.ts";
import { readConversations, type UbusConversation, type UbusMessage } from "../../vectors/ubus.ts";

const SOCKET = "/var/run/ubus/ubus.sock";
/** A longer message is not fed octet by octet. */
const LONG = 4_096;

const conversations = readConversations();

/** A request that the client has made, what it was told of it, and what it should have been. */
interface Asked {
	readonly isNotify: boolean;
	readonly expected: Attributes[];
	/** Subscribers that have not answered; null before they are known. */
	waiting: Set<number> | null;
	/** Statuses by subscriber. */
	readonly answers: [number, number][];
	/** What came of it: once. */
	readonly outcomes: unknown[];
}

/** One client of a conversation. */
class Replay {
	readonly host: FakeHost;
	readonly invocations: Invocation[] = [];
	readonly pushes: unknown[] = [];
	readonly asked = new Map<number, Asked>();
	hellos = 0;
	readonly link: Link;
	readonly peer: FakePeer;
	private readonly octetByOctet: boolean;
	private readonly ended = new Set<Invocation>();

	private constructor(
		host: FakeHost,
		connection: Connection,
		peer: FakePeer,
		first: number,
		octetByOctet: boolean,
	) {
		this.host = host;
		this.peer = peer;
		this.octetByOctet = octetByOctet;
		this.link = new Link(host, connection, new Sequence(first), {
			onHello: () => void this.hellos++,
			onInvocation: (invocation) => void this.invocations.push(invocation),
			onActive: (objectId, isActive) => void this.pushes.push({ objectId, isActive }),
			onTargetGone: (objectId, target) => void this.pushes.push({ objectId, target }),
			onLost: (reason) => assert.fail(reason),
		});
	}

	/** `first`: the number of its first request. */
	static async start(octetByOctet: boolean, first: number): Promise<Replay> {
		const host = createFakeHost();
		const peers: FakePeer[] = [];
		host.network.serve(SOCKET, 0, (peer) => void peers.push(peer));
		const connection = await host.network.connect({ host: SOCKET, port: 0 });
		return new Replay(host, connection, peers[0]!, first, octetByOctet);
	}

	/** ubusd says something. */
	receive(message: UbusMessage): void {
		const { name, bytes, type, seq, peer, received } = message;
		if (!this.octetByOctet) this.peer.send(bytes);
		else this.peer.sendSplit(bytes, bytes.length > LONG ? 997 : 1);
		assert.equal(this.peer.take().length, 0, `${name}: nothing is said unasked`);
		const attributes: Attributes = received;
		switch (type) {
			case MessageType.HELLO:
				assert.deepEqual([this.hellos, this.link.clientId], [1, peer], name);
				break;
			case MessageType.INVOKE: {
				const { caller, objectId, method, data, user, group, noReply } = this.invocations.at(-1)!;
				assert.deepEqual(
					{ caller, objectId, method, data, user, group, noReply },
					{ caller: peer, user: null, group: null, noReply: false, ...received },
					name,
				);
				break;
			}
			case MessageType.NOTIFY:
			case MessageType.UNSUBSCRIBE:
				assert.deepEqual(this.pushes.pop(), received, name);
				break;
			case MessageType.MONITOR:
				break;
			default:
				this.receiveReply(name, type, seq, peer, attributes);
		}
	}

	/** Brings the client to say something, and checks that it says just that. */
	say(message: UbusMessage): void {
		const { name, bytes, type, seq, peer, sent, received } = message;
		if (type === MessageType.DATA || type === MessageType.STATUS) {
			const { objectId } = received;
			const invocation = this.invocations.find(
				(one) => one.caller === peer && one.objectId === objectId && !one.noReply && !this.ended.has(one),
			);
			assert.ok(invocation !== undefined, `${name}: was called`);
			if (type === MessageType.DATA) {
				invocation.reply(sent?.data ?? {});
			} else {
				invocation.end(sent?.status ?? Status.OK);
				this.ended.add(invocation);
			}
		} else {
			this.ask(message);
		}
		this.host.network.turn();
		const said = this.peer.take();
		if (sent !== null) {
			assert.equal(Buffer.from(said).toString("hex"), Buffer.from(bytes).toString("hex"), name);
		} else {
			const { attributes, ...header } = decodeMessage(this.host.utf8, said, 0, said.length);
			assert.deepEqual(header, { type, seq, peer }, name);
			assert.deepEqual({ ...attributes, data: null }, received, name);
		}
	}

	private ask({ name, type, seq, peer, sent, received }: UbusMessage): void {
		// What is no blobmsg stands for arguments that ubusd does not look at.
		const attributes = sent ?? { ...(received as object), data: {} };
		if (attributes.noReply) {
			this.link.post(type, peer, attributes);
			return;
		}
		const asked: Asked = {
			isNotify: type === MessageType.NOTIFY,
			expected: [],
			waiting: null,
			answers: [],
			outcomes: [],
		};
		this.asked.set(seq, asked);
		const done = (error: UbusError | null, result: readonly unknown[]) => {
			asked.outcomes.push(error === null ? result : error.code);
		};
		if (asked.isNotify) this.link.notify(name, 1_000, peer, attributes, done);
		else this.link.request(name, 1_000, type, peer, attributes, done);
	}

	private receiveReply(name: string, type: number, seq: number, peer: number, attributes: Attributes): void {
		const asked = this.asked.get(seq);
		assert.ok(asked !== undefined, `${name}: was asked`);
		const { status, subscribers } = attributes;
		if (type === MessageType.DATA) {
			asked.expected.push(attributes);
		} else if (asked.isNotify && status === Status.OK && asked.waiting === null) {
			asked.waiting = new Set(subscribers);
		} else if (asked.isNotify && asked.waiting !== null) {
			asked.waiting.delete(peer);
			asked.answers.push([peer, status ?? -1]);
		}
		const isOver = type === MessageType.STATUS && (asked.waiting?.size ?? 0) === 0;
		assert.equal(asked.outcomes.length, isOver ? 1 : 0, name);
		if (!isOver) return;
		const expected =
			asked.waiting !== null
				? asked.answers.map(([subscriber, answer]) => ({ subscriber, status: answer, replies: [] }))
				: status === Status.OK
					? asked.expected
					: status;
		assert.deepEqual(asked.outcomes[0], expected, name);
	}
}

/** Messages that ask for an answer, whose numbers are the client's own. */
function isOwnNumber({ isFromClient, type }: UbusMessage): boolean {
	return isFromClient && type !== MessageType.DATA && type !== MessageType.STATUS;
}

async function replay({ messages }: UbusConversation, octetByOctet: boolean): Promise<number> {
	const clients = new Map<string, Replay>();
	let count = 0;
	for (const message of messages) {
		let client = clients.get(message.client);
		if (client === undefined) {
			const first = messages.find((one) => one.client === message.client && isOwnNumber(one));
			client = await Replay.start(octetByOctet, first?.seq ?? 1);
			clients.set(message.client, client);
			// Of some, the greeting was left out.
			if (message.type !== MessageType.HELLO) {
				client.peer.send(encodeMessage(client.host.utf8, MessageType.HELLO, 0, 77, {}));
				assert.equal(client.hellos, 1);
			}
		}
		if (message.isFromClient) client.say(message);
		else client.receive(message);
		count++;
	}
	return count;
}

test("there are conversations to replay", () => {
	assert.ok(conversations.length >= 22, `conversations: ${conversations.length}`);
});

for (const conversation of conversations) {
	for (const octetByOctet of [false, true]) {
		test(`conversation ${conversation.name}${octetByOctet ? ", octet by octet" : ""}`, async () => {
			assert.equal(await replay(conversation, octetByOctet), conversation.messages.length);
		});
	}
}
