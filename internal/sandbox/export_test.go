package sandbox

// Keep stores a mail as if it had arrived.
func Keep(s *Sandbox, raw []byte) {
	s.keep("news@shop.example", []string{"zoe@web.example"}, raw)
}
