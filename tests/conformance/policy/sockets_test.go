package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// dial makes a connection, or sends a datagram and waits for its answer.
func dial(protocol, target string, timeout time.Duration) error {
	if protocol == "sctp" {
		return dialSCTP(target, timeout)
	}
	c, err := net.DialTimeout(protocol, target, timeout)
	if err != nil {
		return err
	}
	defer c.Close()
	if protocol != "udp" {
		return nil
	}
	c.SetDeadline(time.Now().Add(timeout))
	if _, err := c.Write([]byte("hostname\n")); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1024))
	return err
}

func address(at netip.AddrPort) (int, syscall.Sockaddr) {
	if at.Addr().Is4() {
		return syscall.AF_INET, &syscall.SockaddrInet4{Addr: at.Addr().As4()}
	}
	return syscall.AF_INET6, &syscall.SockaddrInet6{Addr: at.Addr().As16()}
}

// SCTP is spoken by hand, as far as INIT and INIT ACK: a kernel without it has policies for it all the same.
const (
	initChunk    = 1
	initAckChunk = 2
)

func chunk(from, to uint16, tag uint32, kind byte, own uint32) []byte {
	b := make([]byte, 32)
	binary.BigEndian.PutUint16(b[0:], from)
	binary.BigEndian.PutUint16(b[2:], to)
	binary.BigEndian.PutUint32(b[4:], tag)
	b[12] = kind
	binary.BigEndian.PutUint16(b[14:], 20)
	binary.BigEndian.PutUint32(b[16:], own)
	binary.BigEndian.PutUint32(b[20:], 65536)
	binary.BigEndian.PutUint16(b[24:], 1)
	binary.BigEndian.PutUint16(b[26:], 1)
	binary.BigEndian.PutUint32(b[28:], 1)
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// read waits for a chunk of that kind to the port; IPv4 brings its header along.
func read(fd, family int, kind byte, port uint16) (b []byte, from syscall.Sockaddr, err error) {
	buf := make([]byte, 2048)
	for {
		n, from, err := syscall.Recvfrom(fd, buf, 0)
		if err != nil {
			return nil, nil, err
		}
		b := buf[:n]
		if family == syscall.AF_INET && n > 20 {
			b = b[int(b[0]&15)*4:]
		}
		if len(b) >= 32 && b[12] == kind && binary.BigEndian.Uint16(b[2:]) == port {
			return b, from, nil
		}
	}
}

func dialSCTP(target string, timeout time.Duration) error {
	at, err := netip.ParseAddrPort(target)
	if err != nil {
		return err
	}
	family, to := address(at)
	fd, err := syscall.Socket(family, syscall.SOCK_RAW, syscall.IPPROTO_SCTP)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	wait := syscall.NsecToTimeval(timeout.Nanoseconds())
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &wait); err != nil {
		return err
	}
	own := uint16(10000 + rand.IntN(50000))
	if err := syscall.Sendto(fd, chunk(own, at.Port(), 0, initChunk, rand.Uint32()|1), 0, to); err != nil {
		return err
	}
	if _, _, err = read(fd, family, initAckChunk, own); errors.Is(err, syscall.EAGAIN) {
		return os.ErrDeadlineExceeded
	}
	return err
}

// serve listens at "tcp/80", "udp/53", "sctp/9003" until it is killed.
func serve(args []string) int {
	for _, arg := range args {
		protocol, port, _ := strings.Cut(arg, "/")
		var err error
		switch protocol {
		case "tcp":
			err = serveTCP(port)
		case "udp":
			err = serveUDP(port)
		case "sctp":
			err = serveSCTP(port)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, arg, err)
			return 1
		}
	}
	fmt.Println("ready")
	select {}
}

func serveTCP(port string) error {
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	go func() {
		for {
			if c, err := l.Accept(); err == nil {
				c.Close()
			}
		}
	}()
	return nil
}

func serveUDP(port string) error {
	c, err := net.ListenPacket("udp", ":"+port)
	if err != nil {
		return err
	}
	go func() {
		buf := make([]byte, 2048)
		for {
			if n, from, err := c.ReadFrom(buf); err == nil {
				c.WriteTo(buf[:n], from)
			}
		}
	}()
	return nil
}

func serveSCTP(text string) error {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return err
	}
	for _, family := range []int{syscall.AF_INET, syscall.AF_INET6} {
		fd, err := syscall.Socket(family, syscall.SOCK_RAW, syscall.IPPROTO_SCTP)
		if err != nil {
			return err
		}
		go func() {
			for {
				if b, from, err := read(fd, family, initChunk, uint16(port)); err == nil {
					syscall.Sendto(fd, chunk(uint16(port), binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[16:]),
						initAckChunk, rand.Uint32()|1), 0, plain(from))
				}
			}
		}()
	}
	return nil
}

// plain: raw sockets of IPv6 take no port.
func plain(to syscall.Sockaddr) syscall.Sockaddr {
	if six, ok := to.(*syscall.SockaddrInet6); ok {
		return &syscall.SockaddrInet6{Addr: six.Addr, ZoneId: six.ZoneId}
	}
	return to
}
