// Package pcap writes captured packets, with the secrets that decrypt them, to one pcapng file, and decides which packets
// these are.
//
//	packet -> [Parse] -> [Filter.Match] -> [Writer.Packet] -> file
//	line of a key log -> [Writer.Secret] -----------^
//
// Wireshark wants a secret before the first packet that needs it, but a client knows the secrets of its handshake only
// after the packet with the first encrypted bytes has arrived. So the writer holds packets back for a while ([Hold]);
// secrets go to the file at once.
//
// Packets come from the network, and are parsed with that in mind: nothing is read beyond what was captured.
package pcap
