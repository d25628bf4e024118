// The modifiers that the views use, by SwiftUI's public declarations.

// MARK: Toolbars

@MainActor @preconcurrency public protocol ToolbarContent {}
public struct ToolbarItemPlacement: Sendable {
    public static let primaryAction = Self(), confirmationAction = Self(), cancellationAction = Self(), principal = Self(), topBarLeading = Self()
}
public struct ToolbarItem<Content: View>: ToolbarContent { public init(placement: ToolbarItemPlacement, @ViewBuilder content: () -> Content) {} }
public struct ToolbarTuple: ToolbarContent {}
extension Optional: ToolbarContent where Wrapped: ToolbarContent {}
@resultBuilder public struct ToolbarContentBuilder {
    public static func buildBlock<Content: ToolbarContent>(_ content: Content) -> Content { content }
    public static func buildBlock<One: ToolbarContent, Other: ToolbarContent>(_ one: One, _ other: Other) -> ToolbarTuple { ToolbarTuple() }
    public static func buildIf<Content: ToolbarContent>(_ content: Content?) -> Content? { content }
}

// MARK: Styles

@MainActor @preconcurrency public protocol PrimitiveButtonStyle {}
public struct SomeButtonStyle: PrimitiveButtonStyle {}
extension PrimitiveButtonStyle where Self == SomeButtonStyle {
    public static var plain: Self { Self() }
    public static var bordered: Self { Self() }
    public static var borderless: Self { Self() }
    public static var borderedProminent: Self { Self() }
}
public protocol ListStyle {}
public struct PlainListStyle: ListStyle {}
extension ListStyle where Self == PlainListStyle { public static var plain: Self { Self() } }
public protocol LabelStyle {}
public struct IconOnlyLabelStyle: LabelStyle {}
extension LabelStyle where Self == IconOnlyLabelStyle { public static var iconOnly: Self { Self() } }
public protocol TextSelectability {}
public struct EnabledTextSelectability: TextSelectability {}
extension TextSelectability where Self == EnabledTextSelectability { public static var enabled: Self { Self() } }
public struct NavigationBarItem { public enum TitleDisplayMode: Sendable { case automatic, inline, large } }
public struct SearchFieldPlacement: Sendable {
    public enum NavigationBarDrawerDisplayMode: Sendable { case automatic, always }
    public static func navigationBarDrawer(displayMode: NavigationBarDrawerDisplayMode) -> Self { Self() }
}
public struct SubmitLabel: Sendable { public static let join = Self(), send = Self() }
public struct ScrollDismissesKeyboardMode: Sendable { public static let interactively = Self() }
public struct KeyEquivalent: Sendable, ExpressibleByExtendedGraphemeClusterLiteral { public init(extendedGraphemeClusterLiteral: Character) {}; public static let `return`: KeyEquivalent = "\r" }
public struct EventModifiers: OptionSet, Sendable { public let rawValue: Int; public init(rawValue: Int) { self.rawValue = rawValue }; public static let command = EventModifiers(rawValue: 1) }
public struct AccessibilityTraits: SetAlgebra, Sendable {
    var all: Set<Int> = []
    public static let isHeader = Self(), isSelected = Self(), isButton = Self()
    public typealias Element = AccessibilityTraits
    public init() {}
    public func contains(_ member: Self) -> Bool { false }
    public func union(_ other: Self) -> Self { self }
    public func intersection(_ other: Self) -> Self { self }
    public func symmetricDifference(_ other: Self) -> Self { self }
    public mutating func insert(_ new: Self) -> (inserted: Bool, memberAfterInsert: Self) { (true, new) }
    public mutating func remove(_ member: Self) -> Self? { nil }
    public mutating func update(with new: Self) -> Self? { nil }
    public mutating func formUnion(_ other: Self) {}
    public mutating func formIntersection(_ other: Self) {}
    public mutating func formSymmetricDifference(_ other: Self) {}
}
public struct AccessibilityChildBehavior: Hashable, Sendable { public static let ignore = Self(), contain = Self(), combine = Self() }

// MARK: Modifiers

extension View {
    public func modifier<Modifier: ViewModifier>(_ modifier: Modifier) -> some View { Modified() }
    public func id<ID: Hashable>(_ id: ID) -> some View { Modified() }
    public func tag<Value: Hashable>(_ tag: Value) -> some View { Modified() }
    public func environment<Value>(_ path: WritableKeyPath<EnvironmentValues, Value>, _ value: Value) -> some View { Modified() }

    public func font(_ font: Font?) -> some View { Modified() }
    public func foregroundStyle<Style: ShapeStyle>(_ style: Style) -> some View { Modified() }
    public func tint(_ tint: Color?) -> some View { Modified() }
    public func lineLimit(_ limit: Int?) -> some View { Modified() }
    public func lineLimit(_ limit: ClosedRange<Int>) -> some View { Modified() }
    public func minimumScaleFactor(_ factor: CGFloat) -> some View { Modified() }
    public func multilineTextAlignment(_ alignment: TextAlignment) -> some View { Modified() }
    public func textSelection<Selectability: TextSelectability>(_ selectability: Selectability) -> some View { Modified() }

    public func frame(width: CGFloat? = nil, height: CGFloat? = nil, alignment: Alignment = .center) -> some View { Modified() }
    public func frame(
        minWidth: CGFloat? = nil, idealWidth: CGFloat? = nil, maxWidth: CGFloat? = nil, minHeight: CGFloat? = nil,
        idealHeight: CGFloat? = nil, maxHeight: CGFloat? = nil, alignment: Alignment = .center
    ) -> some View { Modified() }
    public func containerRelativeFrame(_ axes: Axis.Set, alignment: Alignment = .center, _ length: @escaping (CGFloat, Axis) -> CGFloat) -> some View { Modified() }
    public func fixedSize() -> some View { Modified() }
    public func fixedSize(horizontal: Bool, vertical: Bool) -> some View { Modified() }
    public func scaledToFit() -> some View { Modified() }
    public func padding(_ edges: Edge.Set = .all, _ length: CGFloat? = nil) -> some View { Modified() }
    public func padding(_ length: CGFloat) -> some View { Modified() }
    public func background<Style: ShapeStyle>(_ style: Style) -> some View { Modified() }
    public func background<Style: ShapeStyle, Outline: Shape>(_ style: Style, in shape: Outline) -> some View { Modified() }
    public func overlay<Content: View>(alignment: Alignment = .center, @ViewBuilder content: () -> Content) -> some View { Modified() }
    public func safeAreaInset<Content: View>(edge: VerticalEdge, alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content) -> some View { Modified() }
    public func ignoresSafeArea() -> some View { Modified() }

    public func buttonStyle<Style: PrimitiveButtonStyle>(_ style: Style) -> some View { Modified() }
    public func listStyle<Style: ListStyle>(_ style: Style) -> some View { Modified() }
    public func labelStyle<Style: LabelStyle>(_ style: Style) -> some View { Modified() }
    public func disabled(_ disabled: Bool) -> some View { Modified() }
    public func focused(_ condition: FocusState<Bool>.Binding) -> some View { Modified() }
    public func submitLabel(_ label: SubmitLabel) -> some View { Modified() }
    public func onSubmit(_ action: @escaping () -> Void) -> some View { Modified() }
    public func autocorrectionDisabled(_ disable: Bool = true) -> some View { Modified() }
    public func keyboardShortcut(_ key: KeyEquivalent, modifiers: EventModifiers = .command) -> some View { Modified() }
    public func scrollDismissesKeyboard(_ mode: ScrollDismissesKeyboardMode) -> some View { Modified() }
    public func defaultScrollAnchor(_ anchor: UnitPoint?) -> some View { Modified() }
    public func scrollPosition<ID: Hashable>(id: Binding<ID?>, anchor: UnitPoint? = nil) -> some View { Modified() }
    public func scrollTargetLayout(isEnabled: Bool = true) -> some View { Modified() }
    public func searchable<Words: StringProtocol>(text: Binding<String>, placement: SearchFieldPlacement, prompt: Words) -> some View { Modified() }
    public func searchable(text: Binding<String>, placement: SearchFieldPlacement, prompt: Text? = nil) -> some View { Modified() }

    public func swipeActions<Content: View>(edge: HorizontalEdge = .trailing, allowsFullSwipe: Bool = true, @ViewBuilder content: () -> Content) -> some View { Modified() }
    public func contextMenu<Content: View>(@ViewBuilder menuItems: () -> Content) -> some View { Modified() }
    public func navigationTitle<Words: StringProtocol>(_ title: Words) -> some View { Modified() }
    public func navigationBarTitleDisplayMode(_ mode: NavigationBarItem.TitleDisplayMode) -> some View { Modified() }
    public func navigationDestination<Value: Hashable, Content: View>(for data: Value.Type, @ViewBuilder destination: @escaping (Value) -> Content) -> some View { Modified() }
    public func toolbar<Content: ToolbarContent>(@ToolbarContentBuilder content: () -> Content) -> some View { Modified() }

    public func sheet<Content: View>(isPresented: Binding<Bool>, onDismiss: (() -> Void)? = nil, @ViewBuilder content: @escaping () -> Content) -> some View { Modified() }
    public func sheet<Item: Identifiable, Content: View>(item: Binding<Item?>, onDismiss: (() -> Void)? = nil, @ViewBuilder content: @escaping (Item) -> Content) -> some View { Modified() }
    public func alert<Words: StringProtocol, Actions: View>(_ title: Words, isPresented: Binding<Bool>, @ViewBuilder actions: () -> Actions) -> some View { Modified() }
    public func confirmationDialog<Words: StringProtocol, Actions: View>(_ title: Words, isPresented: Binding<Bool>, titleVisibility: Visibility = .automatic, @ViewBuilder actions: () -> Actions) -> some View { Modified() }
    public func confirmationDialog<Words: StringProtocol, Data, Actions: View>(_ title: Words, isPresented: Binding<Bool>, titleVisibility: Visibility = .automatic, presenting: Data?, @ViewBuilder actions: (Data) -> Actions) -> some View { Modified() }

    public func task(_ action: @escaping @Sendable @MainActor () async -> Void) -> some View { Modified() }
    public func onAppear(perform action: (() -> Void)? = nil) -> some View { Modified() }
    public func onDisappear(perform action: (() -> Void)? = nil) -> some View { Modified() }
    public func onChange<Value: Equatable>(of value: Value, initial: Bool = false, _ action: @escaping (Value, Value) -> Void) -> some View { Modified() }
    public func onOpenURL(perform action: @escaping (URL) -> Void) -> some View { Modified() }

    public func accessibilityHidden(_ hidden: Bool) -> some View { Modified() }
    public func accessibilityLabel(_ label: Text) -> some View { Modified() }
    public func accessibilityElement(children: AccessibilityChildBehavior = .ignore) -> some View { Modified() }
    public func accessibilityAddTraits(_ traits: AccessibilityTraits) -> some View { Modified() }
    public func accessibilityActions<Content: View>(@ViewBuilder _ content: () -> Content) -> some View { Modified() }
}
