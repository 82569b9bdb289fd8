/** A server for client tests: it decodes what the client sends, and sends packets of the test's choice. */

import {
	decodePacket,
	encodedLength,
	encodePacket,
	frameLength,
	MAXIMUM_PACKET_SIZE,
	type Packet,
	type ProtocolVersion,
} from "../../../src/packet/packet.ts";
import type { FakeHost, FakePeer } from "../../fake/host.ts";

/** Lets promises settle, those of a connection that comes about among them. */
export function settle(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

export class TestServer {
	/** One for each connection, in order. */
	readonly peers: FakePeer[] = [];
	version: ProtocolVersion;
	private readonly host: FakeHost;

	constructor(host: FakeHost, version: ProtocolVersion = 4, address = "127.0.0.1", port = 1883) {
		this.host = host;
		this.version = version;
		host.network.serve(address, port, (peer) => void this.peers.push(peer));
	}

	/** The connection made last. */
	get peer(): FakePeer {
		const peer = this.peers.at(-1);
		if (peer === undefined) throw new Error("nobody has connected");
		return peer;
	}

	/** Packets that came since the last call. */
	take(): Packet[] {
		this.host.network.turn();
		const bytes = this.peer.take();
		const packets: Packet[] = [];
		for (let at = 0; at < bytes.length; ) {
			const length = frameLength(bytes, at, bytes.length, MAXIMUM_PACKET_SIZE);
			if (length === 0 || at + length > bytes.length) throw new Error("half a packet from the client");
			packets.push(decodePacket(bytes, at, at + length, this.version, this.host.utf8));
			at += length;
		}
		return packets;
	}

	/** Types of the packets that came since the last call. */
	takeTypes(): number[] {
		return this.take().map((packet) => packet.type);
	}

	encode(...packets: readonly Packet[]): Uint8Array {
		const length = packets.reduce((sum, each) => sum + encodedLength(each, this.version, this.host.utf8), 0);
		const bytes = new Uint8Array(length);
		let at = 0;
		for (const packet of packets) at = encodePacket(packet, this.version, bytes, at, this.host.utf8);
		return bytes;
	}

	/** Sends packets as one arrival of input. */
	send(...packets: readonly Packet[]): void {
		this.peer.send(this.encode(...packets));
	}
}
