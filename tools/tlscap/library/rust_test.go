package library

import (
	"testing"

	"github.com/go-quicktest/qt"
)

// TestRustFunctions: the symbols of real programs, by rustc 1.63 and 1.95 in both ways of writing them.
func TestRustFunctions(t *testing.T) {
	for symbol, want := range map[string]string{
		// rustls 0.20
		"_ZN54_$LT$rustls..conn..Reader$u20$as$u20$std..io..Read$GT$4read17h6308c7c8c4dc589bE":                                                                                    "rustls.Reader.read",
		"_ZN55_$LT$rustls..conn..Writer$u20$as$u20$std..io..Write$GT$5write17h933db708f4975cbfE":                                                                                  "rustls.Writer.write",
		"_ZN55_$LT$rustls..conn..Writer$u20$as$u20$std..io..Write$GT$14write_vectored17h5443ac5d8e1739fcE":                                                                        "rustls.Writer.write_vectored",
		"_ZN6rustls6client2hs15start_handshake17h39ea90b5736cb183E":                                                                                                               "rustls.client.start_handshake",
		"_ZN134_$LT$rustls..server..hs..ExpectClientHello$u20$as$u20$rustls..conn..State$LT$rustls..server..server_conn..ServerConnectionData$GT$$GT$6handle17h3f7a58e30a970c73E": "rustls.server.ExpectClientHello.handle",
		// 0.23
		"_ZN66_$LT$rustls..conn..connection..Reader$u20$as$u20$std..io..Read$GT$4read17h008a8d5ffc97f760E":                                                                                "rustls.Reader.read",
		"_ZN67_$LT$rustls..conn..connection..Writer$u20$as$u20$std..io..Write$GT$5write17hd45c0e9eeb66ebd9E.llvm.157052792106":                                                            "rustls.Writer.write",
		"_ZN142_$LT$rustls..server..hs..ExpectClientHello$u20$as$u20$rustls..common_state..State$LT$rustls..server..server_conn..ServerConnectionData$GT$$GT$6handle17h085b683a85ea4fe5E": "rustls.server.ExpectClientHello.handle",
		// 0.23, v0
		"_RNvXs2_NtNtCs6pKOxnPv8jN_6rustls4conn10connectionNtB5_6ReaderNtNtCsjrHSEGnQ3l9_3std2io4Read4read":                                                 "rustls.Reader.read",
		"_RNvXs5_NtNtCs6pKOxnPv8jN_6rustls4conn10connectionNtB5_6WriterNtNtCsjrHSEGnQ3l9_3std2io5Write5write":                                               "rustls.Writer.write",
		"_RNvXs5_NtNtCs6pKOxnPv8jN_6rustls4conn10connectionNtB5_6WriterNtNtCsjrHSEGnQ3l9_3std2io5Write14write_vectored":                                     "rustls.Writer.write_vectored",
		"_RNvNtNtCs6pKOxnPv8jN_6rustls6client2hs15start_handshake":                                                                                          "rustls.client.start_handshake",
		"_RNvXs0_NtNtCs6pKOxnPv8jN_6rustls6server2hsNtB5_17ExpectClientHelloINtNtB9_12common_state5StateNtNtB7_11server_conn20ServerConnectionDataE6handle": "rustls.server.ExpectClientHello.handle",

		"_ZN6rustls4conn10connection6Reader16into_first_chunk17h05d3e4b75ef4a09bE":                                              "rustls.Reader.into_first_chunk",
		"_ZN69_$LT$rustls..conn..connection..Reader$u20$as$u20$std..io..BufRead$GT$7consume17h2c70f9a9c1105e9eE":                "rustls.Reader.consume",
		"_RNvXs5_NtNtCs6pKOxnPv8jN_6rustls4conn10connectionNtB5_6WriterNtNtCsjrHSEGnQ3l9_3std2io5Write5write.llvm.157052792106": "rustls.Writer.write",

		// What is not it.
		"_ZN82_$LT$std..io..buffered..bufreader..BufReader$LT$R$GT$$u20$as$u20$std..io..Read$GT$4read17h7f77e0d30e3ef366E":                                              "",
		"_ZN6rustls4msgs5codec6Reader3sub17h2bce0187616f3398E":                                                                                                          "",
		"_ZN67_$LT$rustls..conn..connection..Writer$u20$as$u20$std..io..Write$GT$5flush17hd45c0e9eeb66ebd9E":                                                            "rustls.Writer.flush",
		"_ZN87_$LT$rustls..conn..ConnectionCommon$LT$T$GT$$u20$as$u20$rustls..conn..PlaintextSink$GT$5write17h686cfcd38a9838aeE.llvm.157":                               "",
		"_RNvYNtNtNtCs6pKOxnPv8jN_6rustls6server2hs17ExpectClientHelloINtNtB8_12common_state5StateNtNtB6_11server_conn20ServerConnectionDataE20handle_decrypt_errorB8_": "",
		"_RNvXs3_NtNtNtCsjrHSEGnQ3l9_3std2io8buffered9bufreaderINtB5_9BufReaderNtNtBb_2fs4FileENtB9_4Read4readCs6M8rA4pWkeW_13rustls_client":                            "",
		"rustls":   "",
		"SSL_read": "",
		"_R":       "",
	} {
		left := 1
		name, ok := rustFunction([]byte(symbol))
		qt.Check(t, qt.Equals(name, want), qt.Commentf("%s", symbol))
		qt.Check(t, qt.Equals(ok, want != ""), qt.Commentf("%s", symbol))
		qt.Check(t, qt.IsTrue(len(symbol) <= maxRustName), qt.Commentf("%s", symbol))
		if _, exact := functions[symbol]; !exact {
			qt.Check(t, qt.Equals(known(append([]byte(symbol), 0, 'x'), &left), want), qt.Commentf("%s", symbol))
		}
	}
}
