// Stands in for the CoreDNS image of the suite: answers every question of DNS over UDP with who asked.
package main

import (
	"fmt"
	"net"
	"os"

	"github.com/miekg/dns"
)

func answer(w dns.ResponseWriter, q *dns.Msg) {
	r := new(dns.Msg)
	r.SetReply(q)
	if peer, ok := w.RemoteAddr().(*net.UDPAddr); ok && len(q.Question) == 1 {
		head := dns.RR_Header{Name: q.Question[0].Name, Class: dns.ClassINET, Rrtype: dns.TypeA}
		if ip4 := peer.IP.To4(); ip4 != nil {
			r.Answer = append(r.Answer, &dns.A{Hdr: head, A: ip4})
		} else {
			head.Rrtype = dns.TypeAAAA
			r.Answer = append(r.Answer, &dns.AAAA{Hdr: head, AAAA: peer.IP})
		}
	}
	w.WriteMsg(r)
}

func main() {
	fmt.Println(dns.ListenAndServe(":53", "udp", dns.HandlerFunc(answer)))
	os.Exit(1)
}
