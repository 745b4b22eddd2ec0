FROM maven:3-eclipse-temurin-21 AS build
COPY pom.xml /app/
COPY src /app/src
RUN mvn -f /app/pom.xml -B package
FROM eclipse-temurin:21-jre
ARG JAR=/app/target/app.jar
COPY --from=build $JAR /app.jar
ENV JAVA_OPTS="-Xmx256m -Dfile.encoding=UTF-8"
CMD ["sh", "-c", "exec java $JAVA_OPTS -jar /app.jar"]
