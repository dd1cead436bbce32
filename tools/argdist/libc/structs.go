package libc

import "github.com/ringside-tools/ringside/tools/argdist/ctype"

// structs of common calls, as on 64-bit Linux, x86 and arm64 alike.
var structs = func() map[string]*ctype.Struct {
	str := &ctype.Pointer{Target: char}
	void := &ctype.Pointer{Target: ctype.VoidType}
	inAddr := layout("in_addr", field{"s_addr", ctype.UInt})
	in6Addr := layout("in6_addr", field{"s6_addr", &ctype.Array{Elem: ctype.UChar, Len: 16}})
	timespec := layout("timespec", field{"tv_sec", ctype.Long}, field{"tv_nsec", ctype.Long})
	timeval := layout("timeval", field{"tv_sec", ctype.Long}, field{"tv_usec", ctype.Long})
	iovec := layout("iovec", field{"iov_base", void}, field{"iov_len", ctype.ULong})
	family := func(name string) field { return field{name, ctype.UShort} }
	m := make(map[string]*ctype.Struct)
	for _, s := range []*ctype.Struct{
		inAddr, in6Addr, timespec, timeval, iovec,
		layout("itimerspec", field{"it_interval", timespec}, field{"it_value", timespec}),
		layout("sockaddr", family("sa_family"), field{"sa_data", &ctype.Array{Elem: char, Len: 14}}),
		layout("sockaddr_in", family("sin_family"), field{"sin_port", ctype.UShort}, field{"sin_addr", inAddr},
			field{"sin_zero", &ctype.Array{Elem: ctype.UChar, Len: 8}}),
		layout("sockaddr_in6", family("sin6_family"), field{"sin6_port", ctype.UShort}, field{"sin6_flowinfo", ctype.UInt},
			field{"sin6_addr", in6Addr}, field{"sin6_scope_id", ctype.UInt}),
		layout("sockaddr_un", family("sun_family"), field{"sun_path", &ctype.Array{Elem: char, Len: 108}}),
		layout("msghdr", field{"msg_name", void}, field{"msg_namelen", ctype.UInt}, field{"msg_iov", &ctype.Pointer{Target: iovec}},
			field{"msg_iovlen", ctype.ULong}, field{"msg_control", void}, field{"msg_controllen", ctype.ULong}, field{"msg_flags", ctype.IntType}),
		layout("pollfd", field{"fd", ctype.IntType}, field{"events", ctype.Short}, field{"revents", ctype.Short}),
		layout("rlimit", field{"rlim_cur", ctype.ULong}, field{"rlim_max", ctype.ULong}),
		layout("addrinfo", field{"ai_flags", ctype.IntType}, field{"ai_family", ctype.IntType}, field{"ai_socktype", ctype.IntType},
			field{"ai_protocol", ctype.IntType}, field{"ai_addrlen", ctype.UInt}, field{"ai_addr", void}, field{"ai_canonname", str}, field{"ai_next", void}),
	} {
		m[s.Name] = s
	}
	return m
}()

type field struct {
	name string
	typ  ctype.Type
}

// layout lays members out as a compiler does: each aligned to itself.
func layout(name string, fields ...field) *ctype.Struct {
	var members []ctype.Member
	at, widest := 0, 1
	for _, f := range fields {
		a := align(f.typ)
		at = (at + a - 1) / a * a
		members = append(members, ctype.Member{Name: f.name, Type: f.typ, Offset: at * 8})
		at += f.typ.Size()
		widest = max(widest, a)
	}
	return ctype.NewStruct(name, (at+widest-1)/widest*widest, members...)
}

func align(t ctype.Type) int {
	switch t := ctype.Underlying(t).(type) {
	case *ctype.Array:
		return align(t.Elem)
	case *ctype.Struct:
		widest := 1
		for _, m := range t.Members() {
			widest = max(widest, align(m.Type))
		}
		return widest
	}
	return max(1, t.Size())
}
