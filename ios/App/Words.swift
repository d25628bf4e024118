import Foundation
import SwiftUI

/// Turns keys into words, in the language that the person chose, or the phone's.
struct Words: Sendable {
    let bundle: Bundle
    let locale: Locale

    /// A language's code; nil for the phone's.
    init(language: String? = nil) {
        let folder = language.flatMap { Bundle.main.path(forResource: $0, ofType: "lproj") }
        bundle = folder.flatMap(Bundle.init(path:)) ?? .main
        locale = language.map { Locale(identifier: $0) } ?? .current
    }

    func callAsFunction(_ key: String, _ arguments: Phrase...) -> String { words(key, arguments) }

    func callAsFunction(_ sentence: Sentence) -> String { words(sentence.key, sentence.arguments) }

    func callAsFunction(_ phrase: Phrase) -> String {
        switch phrase {
        case .text(let text): text
        case .number(let number): number.formatted(.number.locale(locale))
        case .day(let day): date(day)
        case .sentence(let sentence): self(sentence)
        case .list(let all): all.map { self($0) }.formatted(.list(type: .and).locale(locale))
        }
    }

    private func words(_ key: String, _ arguments: [Phrase]) -> String {
        let form = bundle.localizedString(forKey: key, value: nil, table: nil)
        // Numbers go in as such: they choose the plural.
        let values: [any CVarArg] = arguments.map { if case .number(let number) = $0 { number } else { self($0) as NSString } }
        return values.isEmpty ? form : String(format: form, locale: locale, arguments: values)
    }
}

// Days and times, as the language and the phone have them.
extension Words {
    /// A day in full: "24 November 2026".
    func date(_ date: Date) -> String { date.formatted(Date.FormatStyle(date: .long, time: .omitted, locale: locale)) }

    /// A time of day.
    func time(_ date: Date) -> String { date.formatted(Date.FormatStyle(date: .omitted, time: .shortened, locale: locale)) }

    /// What stands between the days of a conversation.
    func day(_ date: Date, now: Date = Date()) -> String {
        let days = Calendar.current.dateComponents([.day], from: Calendar.current.startOfDay(for: date), to: now).day
        return switch days {
        case 0: self("app.today")
        case 1: self("app.yesterday")
        default: self.date(date)
        }
    }

    /// In a list: the time of today, the day of before.
    func moment(_ date: Date, now: Date = Date()) -> String {
        let calendar = Calendar.current
        if calendar.isDate(date, inSameDayAs: now) { return time(date) }
        if calendar.isDate(date, inSameDayAs: now.addingTimeInterval(-86_400)) { return self("app.yesterday") }
        return date.formatted(Date.FormatStyle(date: .numeric, time: .omitted, locale: locale))
    }

    func bytes(_ count: Int64) -> String { count.formatted(.byteCount(style: .file).locale(locale)) }
}

private struct WordsKey: EnvironmentKey {
    static let defaultValue = Words()
}

extension EnvironmentValues {
    var words: Words {
        get { self[WordsKey.self] }
        set { self[WordsKey.self] = newValue }
    }
}
