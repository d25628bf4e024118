import java.io.File;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.Request;
import org.junit.runner.manipulation.Filter;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/**
 * Runs the classes named *Test of a folder, or those whose name, or class and method, contains one of the given words.
 * A line a test; ends with a number of each: passed, failed, skipped. Words behind a minus leave tests out.
 */
public final class RunTests {
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        List<String> wanted = new ArrayList<>(), unwanted = new ArrayList<>();
        for (int i = 1; i < arguments.length; i++) {
            if (arguments[i].startsWith("-")) unwanted.add(arguments[i].substring(1));
            else wanted.add(arguments[i].replace('#', '.'));
        }
        List<Class<?>> classes = new ArrayList<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted().toList()) {
                String name = folder.relativize(path).toString();
                if (name.endsWith("Test.class") && !name.contains("$")) {
                    classes.add(Class.forName(name.substring(0, name.length() - 6).replace(File.separatorChar, '.'), false,
                        RunTests.class.getClassLoader()));
                }
            }
        }
        Filter filter = new Filter() {
            @Override public boolean shouldRun(Description description) {
                if (!description.isTest()) return description.getChildren().stream().anyMatch(this::shouldRun);
                String name = name(description);
                return (wanted.isEmpty() || wanted.stream().anyMatch(name::contains)) && unwanted.stream().noneMatch(name::contains);
            }

            @Override public String describe() {
                return "the tests asked for";
            }
        };
        // What tests have in common.
        classes.removeIf(one -> Modifier.isAbstract(one.getModifiers()));
        // A class without any of them is left out by itself: JUnit would call that an error.
        classes.removeIf(one -> !filter.shouldRun(Request.aClass(one).getRunner().getDescription()));
        Listener listener = new Listener();
        JUnitCore core = new JUnitCore();
        core.addListener(listener);
        if (!classes.isEmpty()) {
            core.run(Request.classes(classes.toArray(new Class<?>[0])).filterWith(filter));
        }
        System.out.println("RESULT " + listener.passed + " " + listener.failed + " " + listener.skipped);
        // Threads of libraries may live on.
        System.exit(listener.failed == 0 ? 0 : 1);
    }

    static String name(Description description) {
        return description.getClassName() + "." + description.getMethodName();
    }

    /** What went wrong, and where in Pli. */
    static String brief(Failure failure) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = failure.getException(); cause != null; cause = cause.getCause()) {
            text.append(text.isEmpty() ? "" : "caused by ").append(cause).append('\n');
            int lines = 0;
            for (StackTraceElement element : cause.getStackTrace()) {
                boolean ours = element.getClassName().startsWith("pli.");
                if (lines < (ours ? 20 : 6)) {
                    text.append("    at ").append(element).append('\n');
                    lines++;
                }
            }
        }
        return text.toString();
    }

    private static final class Listener extends RunListener {
        int passed, failed, skipped;
        private long began;
        private boolean failing, assuming;

        @Override public void testStarted(Description description) {
            began = System.nanoTime();
            failing = assuming = false;
        }

        @Override public void testFailure(Failure failure) {
            failing = true;
            System.out.println("FAILED: " + name(failure.getDescription()) + "\n" + brief(failure));
            // What is no test, such as a class that can't be made ready, has no end.
            if (!failure.getDescription().isTest()) failed++;
        }

        @Override public void testAssumptionFailure(Failure failure) {
            assuming = true;
            System.out.println("SKIPPED: " + name(failure.getDescription()) + ": " + failure.getMessage());
        }

        @Override public void testIgnored(Description description) {
            skipped++;
            System.out.println("SKIPPED: " + name(description));
        }

        @Override public void testFinished(Description description) {
            if (failing) failed++;
            else if (assuming) skipped++;
            else {
                passed++;
                System.out.printf("%6d ms  %s%n", (System.nanoTime() - began) / 1_000_000, name(description));
            }
            System.out.flush();
        }
    }
}
