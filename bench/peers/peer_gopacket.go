// peer_gopacket: Go with gopacket: pcapgo's reader without copies, and a decoding
// parser whose layers are made once, as gopacket's manual advises for speed.
//
//	peer_gopacket count|match|sources|flows FILE
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sort"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// key of a flow; of a source, all but src and version are zero.
type key struct {
	src, dst         [16]byte
	srcport, dstport uint16
	version, proto   uint8
}

type packet struct {
	key
	match, ports bool
}

// A decoder keeps the layers that each packet is decoded into.
type decoder struct {
	eth     layers.Ethernet
	vlan    layers.Dot1Q
	ip4     layers.IPv4
	ip6     layers.IPv6
	tcp     layers.TCP
	udp     layers.UDP
	parser  *gopacket.DecodingLayerParser
	decoded []gopacket.LayerType
}

func newDecoder() *decoder {
	d := &decoder{}
	d.parser = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet,
		&d.eth, &d.vlan, &d.ip4, &d.ip6, &d.tcp, &d.udp)
	d.parser.IgnoreUnsupported = true
	return d
}

// decode finds addresses and ports; version is 0 without an IP packet.
func (d *decoder) decode(data []byte) (p packet) {
	if err := d.parser.DecodeLayers(data, &d.decoded); err != nil {
		return
	}
	for _, layer := range d.decoded {
		switch layer {
		case layers.LayerTypeIPv4:
			p.version = 4
			copy(p.src[:], d.ip4.SrcIP)
			copy(p.dst[:], d.ip4.DstIP)
		case layers.LayerTypeIPv6:
			p.version = 6
			copy(p.src[:], d.ip6.SrcIP)
			copy(p.dst[:], d.ip6.DstIP)
		case layers.LayerTypeTCP:
			p.ports, p.proto = true, 6
			p.srcport, p.dstport = uint16(d.tcp.SrcPort), uint16(d.tcp.DstPort)
			p.match = d.tcp.DstPort == 443 || d.tcp.SYN
		case layers.LayerTypeUDP:
			p.ports, p.proto = true, 17
			p.srcport, p.dstport = uint16(d.udp.SrcPort), uint16(d.udp.DstPort)
		}
	}
	return
}

func address(bytes [16]byte, version uint8) string {
	if version == 4 {
		return net.IP(bytes[:4]).String()
	}
	return net.IP(bytes[:]).String()
}

func printTop(sums map[key]int, text func(key) string) {
	keys := make([]key, 0, len(sums))
	for k := range sums {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return sums[keys[i]] > sums[keys[j]] })
	for i := 0; i < len(keys) && i < 10; i++ {
		fmt.Printf("%s\t%d\n", text(keys[i]), sums[keys[i]])
	}
}

func sourceText(k key) string { return address(k.src, k.version) }

func flowText(k key) string {
	return fmt.Sprintf("%s\t%s\t%d\t%d\t%d", address(k.src, k.version),
		address(k.dst, k.version), k.srcport, k.dstport, k.proto)
}

// each calls do with every packet, whose bytes are lent until it returns.
func each(path string, do func(data []byte, length int)) {
	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	reader, err := pcapgo.NewReader(bufio.NewReaderSize(file, 1<<18))
	if err != nil {
		log.Fatal(err)
	}
	for {
		data, info, err := reader.ZeroCopyReadPacketData()
		if err == io.EOF {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		do(data, info.Length)
	}
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: peer_gopacket count|match|sources|flows FILE")
	}
	d, sums, packets, bytes := newDecoder(), map[key]int{}, 0, 0
	switch path := os.Args[2]; os.Args[1] {
	case "count":
		each(path, func(_ []byte, length int) { packets++; bytes += length })
		fmt.Println(packets, bytes)
	case "match":
		each(path, func(data []byte, _ int) {
			if d.decode(data).match {
				packets++
			}
		})
		fmt.Println(packets)
	case "sources":
		each(path, func(data []byte, length int) {
			if p := d.decode(data); p.version != 0 {
				sums[key{src: p.src, version: p.version}] += length
			}
		})
		printTop(sums, sourceText)
	case "flows":
		each(path, func(data []byte, length int) {
			if p := d.decode(data); p.ports {
				sums[p.key] += length
			}
		})
		fmt.Println(len(sums), "flows")
		printTop(sums, flowText)
	}
}
