// What the views use of SwiftUI, by its public declarations and without anything behind them: for checking types on a
// machine that has no SwiftUI. A call that is not declared here does not compile; what it would look like is not known.
@_exported import Foundation
@_exported import Observation

// MARK: Views

@MainActor @preconcurrency public protocol View {
    associatedtype Body: View
    @ViewBuilder @MainActor var body: Body { get }
}
extension Never: View { public var body: Never { fatalError() } }
extension Optional: View where Wrapped: View { public var body: Never { fatalError() } }

/// A view of the system's.
public protocol Leaf: View where Body == Never {}
extension Leaf { public var body: Never { fatalError() } }
public struct Modified: Leaf {}
public struct Tuple<each Part: View>: Leaf { nonisolated init(_ parts: repeat each Part) {} }
public struct Either<One: View, Other: View>: Leaf {}

@resultBuilder public struct ViewBuilder {
    public static func buildBlock() -> EmptyView { EmptyView() }
    public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<each Part: View>(_ part: repeat each Part) -> Tuple<repeat each Part> { Tuple(repeat each part) }
    public static func buildExpression<Content: View>(_ content: Content) -> Content { content }
    public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
    public static func buildEither<One: View, Other: View>(first: One) -> Either<One, Other> { Either() }
    public static func buildEither<One: View, Other: View>(second: Other) -> Either<One, Other> { Either() }
}

@MainActor @preconcurrency public protocol ViewModifier {
    associatedtype Body: View
    typealias Content = Modified
    @ViewBuilder @MainActor func body(content: Content) -> Body
}

// MARK: State

@propertyWrapper public struct State<Value> {
    public init(wrappedValue: Value) {}
    public var wrappedValue: Value { get { fatalError() } nonmutating set {} }
    public var projectedValue: Binding<Value> { fatalError() }
}
extension State where Value: ExpressibleByNilLiteral { public init() {} }
@dynamicMemberLookup @propertyWrapper public struct Binding<Value> {
    public init(get: @escaping () -> Value, set: @escaping (Value) -> Void) {}
    public static func constant(_ value: Value) -> Binding<Value> { fatalError() }
    public var wrappedValue: Value { get { fatalError() } nonmutating set {} }
    public var projectedValue: Binding<Value> { self }
    public subscript<Part>(dynamicMember path: WritableKeyPath<Value, Part>) -> Binding<Part> { fatalError() }
}
@dynamicMemberLookup @propertyWrapper public struct Bindable<Value: AnyObject & Observable> {
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
    public var wrappedValue: Value
    public var projectedValue: Bindable<Value> { self }
    public subscript<Part>(dynamicMember path: ReferenceWritableKeyPath<Value, Part>) -> Binding<Part> { fatalError() }
}
@propertyWrapper public struct FocusState<Value: Hashable> {
    public init() where Value == Bool {}
    public var wrappedValue: Value { get { fatalError() } nonmutating set {} }
    public struct Binding {}
    public var projectedValue: FocusState<Value>.Binding { Binding() }
}
@propertyWrapper public struct ScaledMetric<Value: BinaryFloatingPoint> {
    public init(wrappedValue: Value, relativeTo style: Font.TextStyle) {}
    public var wrappedValue: Value { fatalError() }
}
@propertyWrapper public struct Environment<Value> {
    public init(_ path: KeyPath<EnvironmentValues, Value>) {}
    public var wrappedValue: Value { fatalError() }
}
public protocol EnvironmentKey { associatedtype Value; static var defaultValue: Value { get } }
public struct EnvironmentValues {
    public subscript<Key: EnvironmentKey>(key: Key.Type) -> Key.Value { get { fatalError() } set {} }
    public var dismiss: DismissAction { fatalError() }
    public var dynamicTypeSize: DynamicTypeSize { get { fatalError() } set {} }
    public var accessibilityReduceMotion: Bool { fatalError() }
    public var layoutDirection: LayoutDirection { get { fatalError() } set {} }
    public var locale: Locale { get { fatalError() } set {} }
}
@MainActor @preconcurrency public struct DismissAction { public func callAsFunction() {} }
public enum DynamicTypeSize: Hashable, Sendable { case large; public var isAccessibilitySize: Bool { false } }
public enum LayoutDirection: Hashable, Sendable { case leftToRight, rightToLeft }

// MARK: Values

public enum Axis: Sendable { case horizontal, vertical; public struct Set: OptionSet, Sendable { public let rawValue: Int; public init(rawValue: Int) { self.rawValue = rawValue }; public static let horizontal = Set(rawValue: 1), vertical = Set(rawValue: 2) } }
public struct Edge { public struct Set: OptionSet, Sendable { public let rawValue: Int; public init(rawValue: Int) { self.rawValue = rawValue }; public static let top = Set(rawValue: 1), bottom = Set(rawValue: 2), horizontal = Set(rawValue: 4), vertical = Set(rawValue: 8), all = Set(rawValue: 15) } }
public enum VerticalEdge: Sendable { case top, bottom }
public enum HorizontalEdge: Sendable { case leading, trailing }
public struct HorizontalAlignment: Sendable { public static let leading = Self(), center = Self(), trailing = Self() }
public struct VerticalAlignment: Sendable { public static let top = Self(), center = Self(), bottom = Self(), firstTextBaseline = Self() }
public struct Alignment: Sendable { public static let center = Self(), leading = Self(), trailing = Self(), top = Self(), bottom = Self() }
public enum TextAlignment: Sendable { case leading, center, trailing }
public struct UnitPoint: Hashable, Sendable { public static let top = Self(), center = Self(), bottom = Self() }
public enum Visibility: Sendable { case automatic, visible, hidden }
public struct Animation: Sendable { public static func easeOut(duration: Double) -> Animation { Animation() } }
@MainActor public func withAnimation<Result>(_ animation: Animation?, _ body: () throws -> Result) rethrows -> Result { try body() }
public struct Font: Hashable, Sendable {
    public enum TextStyle: Sendable { case largeTitle, title, title2, headline, body, subheadline, footnote, caption, caption2 }
    public enum Weight: Sendable { case regular, semibold, bold }
    public static let largeTitle = Font(), title = Font(), title2 = Font(), headline = Font(), body = Font(), subheadline = Font(), footnote = Font(), caption = Font(), caption2 = Font()
    public static func system(size: CGFloat, weight: Weight? = nil) -> Font { Font() }
    public func bold() -> Font { self }
    public func italic() -> Font { self }
    public func monospaced() -> Font { self }
    public func weight(_ weight: Weight) -> Font { self }
}

// MARK: Shapes and styles

public protocol ShapeStyle: Sendable {}
public struct Color: ShapeStyle, Leaf, Hashable {
    public init(red: Double, green: Double, blue: Double) {}
    public static let white = Color(red: 1, green: 1, blue: 1), red = white, primary = white, secondary = white, clear = white
}
public struct HierarchicalShapeStyle: ShapeStyle {}
extension ShapeStyle where Self == HierarchicalShapeStyle { public static var primary: Self { Self() }; public static var secondary: Self { Self() } }
public struct Material: ShapeStyle {}
extension ShapeStyle where Self == Material { public static var regularMaterial: Self { Self() } }
public protocol Shape: View, Sendable {}
extension Shape { public func stroke<Style: ShapeStyle>(_ style: Style, lineWidth: CGFloat = 1) -> some View { Modified() } }
public struct Rectangle: Shape, Leaf { public init() {} }
public struct Circle: Shape, Leaf { public init() {} }
public struct Capsule: Shape, Leaf { public init() {} }
public struct RoundedRectangle: Shape, Leaf { public init(cornerRadius: CGFloat) {} }
public struct UnevenRoundedRectangle: Shape, Leaf {
    public init(topLeadingRadius: CGFloat = 0, bottomLeadingRadius: CGFloat = 0, bottomTrailingRadius: CGFloat = 0, topTrailingRadius: CGFloat = 0) {}
}

// MARK: Controls

public struct EmptyView: Leaf { public nonisolated init() {} }
public struct Text: Leaf, Sendable {
    @_disfavoredOverload public init<Words: StringProtocol>(_ words: Words) {}
    public init(verbatim words: String) {}
}
public struct Image: Leaf {
    public init(_ name: String) {}
    public init(systemName: String) {}
    public func resizable() -> Image { self }
}
public struct Label<Title: View, Icon: View>: Leaf {}
extension Label where Title == Text, Icon == Image { public init<Words: StringProtocol>(_ title: Words, systemImage: String) {} }
public struct Spacer: Leaf { public init(minLength: CGFloat? = nil) {} }
public struct ProgressView: Leaf { public init() {} }
public struct ButtonRole: Sendable { public static let cancel = Self(), destructive = Self() }
public struct Button<Content: View>: Leaf {
    public init(action: @escaping @MainActor () -> Void, @ViewBuilder label: () -> Content) {}
    public init(role: ButtonRole?, action: @escaping @MainActor () -> Void, @ViewBuilder label: () -> Content) {}
}
extension Button where Content == Text {
    public init<Words: StringProtocol>(_ title: Words, action: @escaping @MainActor () -> Void) {}
    public init<Words: StringProtocol>(_ title: Words, role: ButtonRole?, action: @escaping @MainActor () -> Void) {}
}
public struct TextField<Content: View>: Leaf {}
extension TextField where Content == Text {
    public init<Words: StringProtocol>(_ title: Words, text: Binding<String>) {}
    public init<Words: StringProtocol>(_ title: Words, text: Binding<String>, axis: Axis) {}
}
public struct Toggle<Content: View>: Leaf {}
extension Toggle where Content == Text { public init<Words: StringProtocol>(_ title: Words, isOn: Binding<Bool>) {} }
public struct Picker<Title: View, Selection: Hashable, Content: View>: Leaf {}
extension Picker where Title == Text {
    public init<Words: StringProtocol>(_ title: Words, selection: Binding<Selection>, @ViewBuilder content: () -> Content) {}
}
public protocol Transferable {}
extension String: Transferable {}
@MainActor public struct PasteButton: Leaf {
    public init<Payload: Transferable>(payloadType: Payload.Type, onPaste: @escaping ([Payload]) -> Void) {}
}
public struct LabeledContent<Title: View, Content: View>: Leaf {}
extension LabeledContent where Title == Text, Content == Text {
    public init<One: StringProtocol, Other: StringProtocol>(_ title: One, value: Other) {}
}

// MARK: Containers

public struct Group<Content: View>: Leaf { public init(@ViewBuilder content: () -> Content) {} }
public struct HStack<Content: View>: Leaf { public init(alignment: VerticalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content) {} }
public struct VStack<Content: View>: Leaf { public init(alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content) {} }
public struct LazyVStack<Content: View>: Leaf { public init(alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content) {} }
public struct GridItem: Sendable { public enum Size: Sendable { case flexible(minimum: CGFloat = 10, maximum: CGFloat = .infinity) }; public init(_ size: Size = .flexible()) {} }
public struct LazyVGrid<Content: View>: Leaf { public init(columns: [GridItem], @ViewBuilder content: () -> Content) {} }
public struct ScrollView<Content: View>: Leaf { public init(_ axes: Axis.Set = .vertical, @ViewBuilder content: () -> Content) {} }
@MainActor public struct ScrollViewProxy { public func scrollTo<ID: Hashable>(_ id: ID, anchor: UnitPoint? = nil) {} }
public struct ScrollViewReader<Content: View>: Leaf { public init(@ViewBuilder content: @escaping (ScrollViewProxy) -> Content) {} }
public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: Leaf {
    public init(_ data: Data, id: KeyPath<Data.Element, ID>, @ViewBuilder content: @escaping (Data.Element) -> Content) {}
}
extension ForEach where Data.Element: Identifiable, ID == Data.Element.ID {
    public init(_ data: Data, @ViewBuilder content: @escaping (Data.Element) -> Content) {}
}
public struct List<Selection: Hashable, Content: View>: Leaf {
    public init(selection: Binding<Selection?>?, @ViewBuilder content: () -> Content) {}
}
extension List where Selection == Never {
    public init(@ViewBuilder content: () -> Content) {}
    public init<Data: RandomAccessCollection, Row: View>(_ data: Data, @ViewBuilder rowContent: @escaping (Data.Element) -> Row)
    where Content == ForEach<Data, Data.Element.ID, Row>, Data.Element: Identifiable {}
}
public struct Section<Header: View, Content: View, Footer: View>: Leaf {}
extension Section where Header == EmptyView, Footer == EmptyView { public init(@ViewBuilder content: () -> Content) {} }
extension Section where Header == Text, Footer == EmptyView { public init<Words: StringProtocol>(_ title: Words, @ViewBuilder content: () -> Content) {} }
extension Section where Footer == EmptyView { public init(@ViewBuilder content: () -> Content, @ViewBuilder header: () -> Header) {} }
extension Section where Header == EmptyView { public init(@ViewBuilder content: () -> Content, @ViewBuilder footer: () -> Footer) {} }
public struct NavigationPath {}
public struct NavigationStack<Path, Root: View>: Leaf {}
extension NavigationStack where Path == NavigationPath { public init(@ViewBuilder root: () -> Root) {} }
extension NavigationStack {
    public init(path: Binding<Path>, @ViewBuilder root: () -> Root)
    where Path: MutableCollection & RandomAccessCollection & RangeReplaceableCollection, Path.Element: Hashable {}
}
public struct NavigationSplitView<Sidebar: View, Detail: View>: Leaf { public init(@ViewBuilder sidebar: () -> Sidebar, @ViewBuilder detail: () -> Detail) {} }
public struct NavigationLink<Content: View, Destination: View>: Leaf {
    public init(@ViewBuilder destination: () -> Destination, @ViewBuilder label: () -> Content) {}
}
extension NavigationLink where Destination == Never {
    public init<Value: Hashable>(value: Value?, @ViewBuilder label: () -> Content) {}
}
