import SimpleAICore
import Testing

@Suite struct RetryAfterTests {
    /// 1994-11-06 08:49:37, the time in RFC 9110's examples.
    private static let moment = 784_111_777

    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", moment), ("Sunday, 06-Nov-94 08:49:37 GMT", moment),
            ("Sun Nov  6 08:49:37 1994", moment), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2028 23:59:60 GMT", 1_835_481_600), ("sun, 06 nov 1994 08:49:37 gmt", moment),
            ("Sun, 06 Now 1994 08:49:37 GMT", nil), ("Sun, 32 Nov 1994 08:49:37 GMT", nil),
            ("Sun, 06 Nov 1994 24:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49 GMT", nil), ("soon", nil), ("", nil),
            ("Sun, 06 Nov 99999999999999999999 08:49:37 GMT", nil), (String(repeating: "Sun ", count: 99), nil),
        ] as [(String, Int?)])
    func datesOfEveryFormatAreRead(text: String, seconds: Int?) {
        #expect(HTTPDate.seconds(text) == seconds)
    }

    @Test(
        arguments: [
            ("7", 7), ("0", 1), ("-5", 1), (" 12 ", 12), ("61", 60), ("99999999999999999999999", 60), ("1.5", 2),
            ("1.0", 1), ("0.2", 1), ("59.01", 60), ("60.5", 60), ("7 seconds", nil), ("1e3", nil), ("-", nil),
            (".5", nil),
            ("", nil), ("soon", nil), ("1.2.3", nil), ("\u{663}", nil),
        ] as [(String, Int?)])
    func numbersAreClamped(value: String, seconds: Int?) {
        #expect(RetryAfter.seconds(value, date: nil) { 0 } == seconds)
    }

    @Test func aDateIsRelativeToTheResponsesDate() {
        let value = "Sun, 06 Nov 1994 08:49:47 GMT"
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(RetryAfter.seconds(value, date: date) { 0 } == 10, "whatever our clock says")
        #expect(RetryAfter.seconds(value, date: nil) { Self.moment } == 10)
        #expect(RetryAfter.seconds(value, date: "garbage") { Self.moment + 5 } == 5)
        #expect(RetryAfter.seconds(date, date: value) { 0 } == 1, "in the past")
        #expect(RetryAfter.seconds("Sun, 06 Nov 2094 08:49:37 GMT", date: date) { 0 } == 60)
    }
}
